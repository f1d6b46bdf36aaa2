"""The session service: logging in and out."""

from __future__ import annotations

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import OK, Resource, collection, link, resource


def plant(bmc: Bmc) -> None:
    """Plant the service and its collection of sessions."""
    bmc.tree[uris.SESSION_SERVICE] = Resource(
        body=lambda: _session_service(bmc),
        patch=lambda body: _patch_sessions(bmc, body),
        needs="ConfigureManager",
    )
    bmc.tree[uris.SESSIONS] = Resource(
        body=lambda: _sessions(bmc), post=lambda body: _login(bmc, body), public_post=True
    )


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

    bmc.tree[uri] = Resource(body=show, delete=leave, needs="ConfigureManager", owner=user)
    headers = {"Location": uri, "X-Auth-Token": session.token}
    return Reply(status=201, body=show(), headers=headers)
