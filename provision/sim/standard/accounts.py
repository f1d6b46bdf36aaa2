"""The account service: users and their roles."""

from __future__ import annotations

from functools import partial

from provision.core.secrets import Secret
from provision.sim import checks
from provision.sim.access import ROLES, Account
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.tree import OK, Resource, collection, link, resource

_MIN, _MAX = 8, 64
_WRITABLE = ("UserName", "Password", "RoleId", "Enabled")


def plant(bmc: Bmc) -> None:
    """Plant the service, the first account and the roles."""
    tree = bmc.tree
    tree[uris.ACCOUNT_SERVICE] = Resource(body=_service)
    tree[uris.ACCOUNTS] = Resource(
        body=lambda: collection(
            uris.ACCOUNTS, "ManagerAccount", "Accounts", [*map(_uri, bmc.access.accounts)]
        ),
        post=lambda body: _add(bmc, body),
        needs="ConfigureUsers",
    )
    for account in bmc.access.accounts.values():
        _plant_account(bmc, account)
    roles = [f"{uris.ROLES}/{name}" for name in ROLES]
    tree[uris.ROLES] = Resource(body=lambda: collection(uris.ROLES, "Role", "Roles", roles))
    for name in ROLES:
        tree[f"{uris.ROLES}/{name}"] = Resource(body=partial(_role, name))


def _uri(number: int) -> str:
    return f"{uris.ACCOUNTS}/{number}"


def _plant_account(bmc: Bmc, account: Account) -> None:
    def remove() -> None:
        bmc.access.remove(account.number)
        bmc.tree.pop(_uri(account.number), None)

    bmc.tree[_uri(account.number)] = Resource(
        body=partial(_account, account),
        patch=partial(_patch, account),
        delete=remove,
        needs="ConfigureUsers",
    )


def _service() -> Json:
    return resource(
        uris.ACCOUNT_SERVICE,
        "AccountService.v1_15_1",
        "Account Service",
        ServiceEnabled=True,
        Status=OK,
        MinPasswordLength=_MIN,
        MaxPasswordLength=_MAX,
        Accounts=link(uris.ACCOUNTS),
        Roles=link(uris.ROLES),
    )


def _account(account: Account) -> Json:
    return resource(
        _uri(account.number),
        "ManagerAccount.v1_12_1",
        f"Account of {account.user}",
        UserName=account.user,
        Password=None,
        PasswordChangeRequired=False,
        AccountTypes=["Redfish"],
        Enabled=account.enabled,
        Locked=False,
        RoleId=account.role,
        Links={"Role": link(f"{uris.ROLES}/{account.role}")},
    )


async def _add(bmc: Bmc, body: Json) -> Reply:
    for key in ("UserName", "Password", "RoleId"):
        if key not in body:
            raise Problem("PropertyMissing", key, related=(f"#/{key}",))
    user, role = checks.text(body, "UserName", ""), checks.one_of(body, "RoleId", ROLES, "")
    enabled = checks.boolean(body, "Enabled", True)
    account = bmc.access.add(user, _password(body), role)
    account.enabled = enabled
    _plant_account(bmc, account)
    return Reply(status=201, body=_account(account), headers={"Location": _uri(account.number)})


def _patch(account: Account, body: Json) -> None:
    checks.writable(body, _account(account), _WRITABLE)
    user = checks.text(body, "UserName", account.user)
    role = checks.one_of(body, "RoleId", ROLES, account.role)
    enabled = checks.boolean(body, "Enabled", account.enabled)
    if "Password" in body:
        account.password = _password(body)
    account.user, account.role, account.enabled = user, role, enabled


def _password(body: Json) -> Secret:
    password = checks.text(body, "Password", "")
    if not _MIN <= len(password) <= _MAX:
        raise Problem("PropertyValueFormatError", "***", "Password", related=("#/Password",))
    return Secret(password)


def _role(name: str) -> Json:
    return resource(
        f"{uris.ROLES}/{name}",
        "Role.v1_3_2",
        f"Role {name}",
        RoleId=name,
        IsPredefined=True,
        AssignedPrivileges=list(ROLES[name]),
        OemPrivileges=[],
    )
