"""The session service and the account service."""

from __future__ import annotations

from functools import partial

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import OK, Resource, collection, link, resource

_PRIVILEGES = {
    "Administrator": [
        "Login",
        "ConfigureManager",
        "ConfigureUsers",
        "ConfigureComponents",
        "ConfigureSelf",
    ],
    "Operator": ["Login", "ConfigureComponents", "ConfigureSelf"],
    "ReadOnly": ["Login", "ConfigureSelf"],
}


def plant(bmc: Bmc) -> None:
    """Plant sessions, the one account and the roles."""
    tree = bmc.tree
    tree[uris.SESSION_SERVICE] = Resource(
        body=lambda: _session_service(bmc), patch=lambda body: _patch_sessions(bmc, body)
    )
    tree[uris.SESSIONS] = Resource(
        body=lambda: _sessions(bmc), post=lambda body: _login(bmc, body), public_post=True
    )
    account = f"{uris.ACCOUNTS}/1"
    tree[uris.ACCOUNT_SERVICE] = Resource(body=_account_service)
    tree[uris.ACCOUNTS] = Resource(
        body=lambda: collection(uris.ACCOUNTS, "ManagerAccount", "Accounts", [account])
    )
    tree[account] = Resource(body=lambda: _account(bmc, account))
    roles = [f"{uris.ROLES}/{name}" for name in _PRIVILEGES]
    tree[uris.ROLES] = Resource(body=lambda: collection(uris.ROLES, "Role", "Roles", roles))
    for name in _PRIVILEGES:
        tree[f"{uris.ROLES}/{name}"] = Resource(body=partial(_role, name))


def _session_service(bmc: Bmc) -> Json:
    return resource(
        uris.SESSION_SERVICE,
        "SessionService.v1_1_9",
        "Session Service",
        ServiceEnabled=True,
        SessionTimeout=bmc.access.timeout,
        Status=OK,
        Sessions=link(uris.SESSIONS),
    )


def _patch_sessions(bmc: Bmc, body: Json) -> None:
    checks.writable(body, _session_service(bmc), ["SessionTimeout"])
    seconds = body["SessionTimeout"]
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise Problem("PropertyValueTypeError", seconds, "SessionTimeout")
    if not 30 <= seconds <= 86400:
        raise Problem("PropertyValueNotInList", seconds, "SessionTimeout")
    bmc.access.timeout = seconds


def _sessions(bmc: Bmc) -> Json:
    members = [f"{uris.SESSIONS}/{number}" for number in bmc.access.sessions]
    for uri in [uri for uri in bmc.tree if uri.startswith(f"{uris.SESSIONS}/")]:
        if uri not in members:
            del bmc.tree[uri]  # it timed out
    return collection(uris.SESSIONS, "Session", "Sessions", members)


async def _login(bmc: Bmc, body: Json) -> Reply:
    for key in ("UserName", "Password"):
        if key not in body:
            raise Problem("PropertyMissing", key, related=(f"#/{key}",))
    user, password = checks.text(body, "UserName", ""), checks.text(body, "Password", "")
    session = bmc.access.login(user, password)
    number = session.number
    uri = f"{uris.SESSIONS}/{number}"

    def show() -> Json:
        return resource(
            uri,
            "Session.v1_7_2",
            "Session",
            UserName=user,
            Password=None,
            SessionType="Redfish",
            CreatedTime=stamp(session.created),
        )

    def leave() -> None:
        bmc.access.logout(number)
        bmc.tree.pop(uri, None)

    bmc.tree[uri] = Resource(body=show, delete=leave)
    headers = {"Location": uri, "X-Auth-Token": session.token}
    return Reply(status=201, body=show(), headers=headers)


def _account_service() -> Json:
    return resource(
        uris.ACCOUNT_SERVICE,
        "AccountService.v1_15_1",
        "Account Service",
        ServiceEnabled=True,
        Status=OK,
        MinPasswordLength=8,
        MaxPasswordLength=64,
        Accounts=link(uris.ACCOUNTS),
        Roles=link(uris.ROLES),
    )


def _account(bmc: Bmc, uri: str) -> Json:
    return resource(
        uri,
        "ManagerAccount.v1_12_1",
        "Administrator",
        UserName=bmc.access.user,
        Password=None,
        PasswordChangeRequired=False,
        AccountTypes=["Redfish"],
        Enabled=True,
        Locked=False,
        RoleId="Administrator",
        Links={"Role": link(f"{uris.ROLES}/Administrator")},
    )


def _role(name: str) -> Json:
    return resource(
        f"{uris.ROLES}/{name}",
        "Role.v1_3_2",
        f"Role {name}",
        RoleId=name,
        IsPredefined=True,
        AssignedPrivileges=_PRIVILEGES[name],
        OemPrivileges=[],
    )
