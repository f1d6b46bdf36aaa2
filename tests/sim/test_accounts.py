"""Users of the simulated BMC: added, changed and removed, each with what its role allows."""

from __future__ import annotations

import pytest

from provision.sim import Rack
from tests.sim.client import RESET, SESSIONS, SYSTEM, Client, client

ACCOUNTS = "/redfish/v1/AccountService/Accounts"
LOGIN = {"UserName": "guest", "Password": "correct horse"}


async def add(bmc: Client, role: str) -> str:
    """Add the guest; return the URI of its account."""
    answer = await bmc.ask("POST", ACCOUNTS, {**LOGIN, "RoleId": role})
    assert answer.status == 201, answer.body
    assert answer.body["Password"] is None
    return str(answer.headers["Location"])


async def enter(bmc: Client, password: str = LOGIN["Password"]) -> tuple[int, dict[str, str]]:
    """Log the guest in; return the status and the header that carries the token."""
    login = {**LOGIN, "Password": password}
    answer = await bmc.ask("POST", SESSIONS, login, anonymous=True)
    return answer.status, {"X-Auth-Token": answer.headers.get("X-Auth-Token", "")}


@pytest.mark.parametrize(("role", "status"), [("ReadOnly", 403), ("Operator", 204)])
async def test_a_role_is_felt(rack: Rack, role: str, status: int) -> None:
    """Everybody reads; only who may configure components resets, and neither touches users."""
    async with client(rack.servers[1]) as bmc:
        where = await add(bmc, role)
        _, token = await enter(bmc)
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 200
        body = {"ResetType": "On"}
        reset = await bmc.ask("POST", RESET, body, headers=token, anonymous=True)
        assert reset.status == status
        delete = await bmc.ask("DELETE", where, headers=token, anonymous=True)
        assert (delete.status, delete.message) == (403, "InsufficientPrivilege")
        session = (await bmc.get(SESSIONS))["Members"][0]["@odata.id"]
        logout = await bmc.ask("DELETE", session, headers=token, anonymous=True)
        assert logout.status == 204


async def test_a_password_is_changed(rack: Rack) -> None:
    """The new one works and the old one no longer; no log shows either."""
    async with client(rack.servers[0]) as bmc:
        where = await add(bmc, "Operator")
        await bmc.patch(where, {"Password": "battery staple"})
        assert (await enter(bmc))[0] == 401
        assert (await enter(bmc, "battery staple"))[0] == 201
        written = rack.request_log.read_text()
        assert "battery staple" not in written
        assert LOGIN["Password"] not in written


async def test_a_user_who_goes_takes_the_sessions_along(rack: Rack) -> None:
    """Removed or disabled, a user is out at once."""
    async with client(rack.servers[0]) as bmc:
        where = await add(bmc, "Operator")
        _, token = await enter(bmc)
        await bmc.patch(where, {"Enabled": False})
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401
        await bmc.patch(where, {"Enabled": True})
        assert (await bmc.ask("DELETE", where)).status == 204
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401
        assert (await bmc.get(ACCOUNTS))["Members@odata.count"] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (LOGIN, "PropertyMissing"),
        ({**LOGIN, "RoleId": "King"}, "PropertyValueNotInList"),
        ({**LOGIN, "RoleId": "Operator", "Password": "short"}, "PropertyValueFormatError"),
        ({**LOGIN, "RoleId": "Operator", "UserName": "admin"}, "ResourceAlreadyExists"),
    ],
)
async def test_users_it_cannot_have_are_refused(
    rack: Rack, body: dict[str, str], message: str
) -> None:
    """And the first user cannot be removed, or nobody could come in."""
    async with client(rack.servers[0]) as bmc:
        answer = await bmc.ask("POST", ACCOUNTS, body)
        assert (answer.status, answer.message) == (400, message)
        first = await bmc.ask("DELETE", f"{ACCOUNTS}/1")
        assert (first.status, first.message) == (405, "ResourceCannotBeDeleted")
        assert (await bmc.get(ACCOUNTS))["Members@odata.count"] == 1
