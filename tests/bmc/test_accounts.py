"""Passwords changed such that nobody is locked out, whatever the BMC does in between."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.bmc import accounts
from provision.bmc.accounts import PasswordUnknown, Rules
from provision.bmc.client import Access, Tls, connect
from provision.bmc.errors import (
    BmcError,
    Forbidden,
    NotApplied,
    NotSupported,
    PasswordChangeRequired,
)
from provision.core.errors import ConfigError, Conflict, CredentialsError
from provision.core.secrets import Secret
from provision.flow import verbs_accounts
from provision.flow.verbs_accounts import Wish
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.conftest import PASSWORD
from tests.bmc.hostile import SESSION, HostileBmc, Request, answer

Reach = Callable[..., Access]
NEW = "n3w-Password-1"
SERVICE = "/redfish/v1/AccountService"
ACCOUNT = f"{SERVICE}/Accounts/2"


def reach(server: SimServer, password: Secret | None = None) -> Access:
    """How to reach the simulated BMC."""
    return Access(
        url=server.url,
        user=server.user,
        password=password or server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
        timeout=5.0,
    )


async def rotate(access: Access, **wish: Any) -> verbs_accounts.Changed:
    """Change one password, as the command does."""
    (seen,) = await verbs_accounts.rotate({"https://bmc-1:443": access}, Wish(**wish))
    if seen.error:
        raise seen.error
    assert seen.result is not None
    return seen.result


def in_force(server: SimServer) -> str:
    """The password the simulated BMC takes."""
    return server.bmc.access.accounts[1].password.reveal()


async def test_the_list(server: SimServer) -> None:
    """Users with their roles and states."""
    async with connect(reach(server)) as there:
        (found,) = await accounts.accounts(there)
    assert (found.user, found.role, found.enabled) == ("admin", "Administrator", True)


async def test_changed_and_shown_to_hold(server: SimServer) -> None:
    """One PATCH and a second login; done again, there is nothing to do; a dry run sends nothing."""
    access = reach(server)
    assert not (await rotate(access, new=Secret(NEW), dry_run=True)).sent
    assert server.count("PATCH", "Accounts") == 0
    assert (await rotate(access, new=Secret(NEW))).sent
    assert in_force(server) == NEW
    assert not (await rotate(access, new=Secret(NEW))).sent
    assert server.count("PATCH", "Accounts") == 1
    assert NEW not in server.bmc.journal.path.read_text()
    assert not server.bmc.access.sessions  # both logins were closed again


async def test_made_and_kept(server: SimServer, tmp_path: Path) -> None:
    """A password is made by the BMC's rules and is in a 0600 file before it is sent."""
    folder = tmp_path / "passwords"
    done = await rotate(reach(server), folder=folder)
    path = Path(done.kept_in)
    assert path.parent == folder
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() == in_force(server)
    # A second run does not write over what may be the password in force.
    with pytest.raises(ConfigError, match="there already"):
        await rotate(reach(server, Secret(in_force(server))), folder=folder)
    assert server.count("PATCH", "Accounts") == 1


async def test_a_made_one_that_was_not_taken_is_not_kept(server: SimServer, tmp_path: Path) -> None:
    """Where the old password is shown to hold, no file claims otherwise."""
    server.faults.add(faults.lie("Accounts/1", method="PATCH"))
    with pytest.raises(NotApplied):
        await rotate(reach(server), folder=tmp_path)
    assert not list(tmp_path.glob("bmc*"))


async def test_another_account(server: SimServer) -> None:
    """It is verified by its own login; one that is not there is named with those that are."""
    server.bmc.access.add("guest", Secret("first-pw-1"), "Operator")
    from provision.sim.standard.accounts import _plant_account

    _plant_account(server.bmc, server.bmc.access.accounts[2])
    done = await rotate(reach(server), account="guest", new=Secret(NEW))
    assert (done.user, done.sent) == ("guest", True)
    assert server.bmc.access.accounts[2].password.reveal() == NEW
    with pytest.raises(NotSupported, match="it has admin, guest"):
        await rotate(reach(server), account="nobody", new=Secret(NEW))
    server.faults.add(faults.lie("Accounts/2", method="PATCH"))
    with pytest.raises(PasswordUnknown, match="was not put back"):
        await rotate(reach(server), account="guest", new=Secret("other-Password-2"))
    assert server.count("PATCH", "Accounts/2") == 2


async def test_the_rules_of_the_bmc(server: SimServer) -> None:
    """Too short or too long is refused before anything is sent; the one in force is no change."""
    for new, word in (("short", "at least 8"), ("x" * 65, "at most 64")):
        with pytest.raises(ConfigError, match=word):
            await rotate(reach(server), new=Secret(new))
    done = await rotate(reach(server), new=server.password)
    assert (done.sent, done.holds) == (False, True)
    async with connect(reach(server)) as there:
        with pytest.raises(ConfigError, match="is the old one"):
            await accounts.rotate(there, reach(server), "admin", server.password)
    assert server.count("PATCH", "Accounts") == 0


@pytest.mark.parametrize(
    "rules", [Rules(), Rules(least=30), Rules(most=12), Rules(least=8, most=8)]
)
def test_passwords_made(rules: Rules) -> None:
    """They keep to the rules, hold every kind of sign, and differ."""
    made = [accounts.generated(rules).reveal() for _ in range(20)]
    for password in made:
        rules.check(Secret(password), "testing")
        assert all(set(password) & set(kind) for kind in accounts._KINDS)
    assert len(set(made)) == 20


async def test_yes_and_nothing_done(server: SimServer) -> None:
    """A BMC that lies: the old password still holds, which a login shows; one PATCH."""
    server.faults.add(faults.lie("Accounts", method="PATCH"))
    with pytest.raises(NotApplied, match="the old password still holds"):
        await rotate(reach(server), new=Secret(NEW))
    assert server.count("PATCH", "Accounts") == 1


async def test_an_answer_that_is_lost(server: SimServer) -> None:
    """The login shows that it was changed; nothing is sent again."""
    server.faults.add(faults.drop("Accounts", method="PATCH"))
    done = await rotate(reach(server), new=Secret(NEW))
    assert "answer was lost" in done.notes[0]
    assert server.count("PATCH", "Accounts") == 1


async def test_refused(server: SimServer) -> None:
    """In conflict: told, the password is the old one."""
    server.faults.add(faults.conflict("Accounts", method="PATCH"))
    with pytest.raises(Conflict):
        await rotate(reach(server), new=Secret(NEW))
    assert in_force(server) == server.password.reveal()


async def test_a_user_without_the_right(server: SimServer) -> None:
    """403 is told, and costs no further login."""
    server.bmc.access.accounts[1].role = "ReadOnly"
    with pytest.raises(Forbidden):
        await rotate(reach(server), new=Secret(NEW))
    assert server.count("POST", "Sessions") == 1


async def test_a_login_that_cannot_be_made(server: SimServer) -> None:
    """The session table is full at the second login: the old password is put back, and shown."""
    old = server.password.reveal()
    async with connect(reach(server)) as there:
        server.faults.add(faults.busy("Sessions", method="POST", times=3, retry_after=0))
        with pytest.raises(NotApplied, match="was put back, and holds"):
            await accounts.rotate(there, reach(server), "admin", Secret(NEW))
    assert in_force(server) == old
    assert server.count("PATCH", "Accounts") == 2  # there, and back


async def test_neither_can_be_shown(server: SimServer, tmp_path: Path) -> None:
    """No login at all any more: it is said that it is not known, and where the new one is kept."""
    access = reach(server)
    async with connect(access) as there:
        server.faults.add(faults.busy("Sessions", method="POST", times=None, retry_after=0))
        with pytest.raises(PasswordUnknown, match="not known") as caught:
            await accounts.rotate(there, access, "admin", Secret(NEW))
    assert caught.value.status == 14
    assert NEW not in str(caught.value)


async def test_a_wrong_password_is_no_rotation(server: SimServer) -> None:
    """Neither the old nor the new one: the first refusal is told; two logins were tried."""
    with pytest.raises(CredentialsError):
        await rotate(reach(server, Secret("wrong-pw-1")), new=Secret(NEW))
    assert server.count("POST", "Sessions") == 2


def plant(bmc: HostileBmc) -> None:
    """Give the BMC a factory password that has to be changed before anything else."""
    bmc.tree["/redfish/v1"]["AccountService"] = {"@odata.id": SERVICE}
    bmc.tree[SERVICE] = {"MinPasswordLength": "8", "Accounts": {"@odata.id": f"{SERVICE}/Accounts"}}
    force = {"password": PASSWORD, "due": True}

    async def log_in(request: Request) -> bytes:
        if json.loads(request.body)["Password"] != force["password"]:
            return answer({}, 401)
        message = {"MessageId": "Base.1.18.PasswordChangeRequired", "MessageArgs": [ACCOUNT]}
        info = {"@Message.ExtendedInfo": [message]} if force["due"] else {}
        headers = {"X_Auth_Token": "token-0123456789", "Location": f"{SESSION}/7"}
        return answer(info, 201, **headers)

    async def change(request: Request) -> bytes:
        force.update(password=json.loads(request.body)["Password"], due=False)
        return answer(None, 204)

    async def refuse(_request: Request) -> bytes:
        info = [{"MessageId": "Base.1.18.PasswordChangeRequired", "Message": "Change it first."}]
        return answer({"error": {"@Message.ExtendedInfo": info}}, 403)

    bmc.on["POST", SESSION] = log_in
    bmc.on["PATCH", ACCOUNT] = change
    bmc.on["GET", SERVICE] = refuse


async def test_a_factory_password(bmc: HostileBmc, access: Reach) -> None:
    """A BMC that takes nothing else first: other work is refused, the change goes through."""
    plant(bmc)
    with pytest.raises(PasswordChangeRequired):
        async with connect(access()):
            pass
    done = await rotate(access(), new=Secret(NEW))
    assert done.sent
    assert bmc.count("PATCH") == 1
    async with connect(access(password=Secret(NEW))):
        pass


@pytest.mark.parametrize("value", [None, 7, [], {}, "\x1b[2J\u202e", "x" * 5000, ["/x", None]])
async def test_absurd_accounts(bmc: HostileBmc, access: Reach, value: object) -> None:
    """Every field may be nonsense: the list stands, and nothing is sent to a wrong account."""
    bmc.tree["/redfish/v1"]["AccountService"] = {"@odata.id": SERVICE}
    bmc.tree[SERVICE] = {
        "Accounts": {"@odata.id": f"{SERVICE}/Accounts"},
        "MinPasswordLength": value,
        "MaxPasswordLength": value,
    }
    bmc.tree[f"{SERVICE}/Accounts"] = {"Members": [{"@odata.id": ACCOUNT}, value]}
    names = ("Id", "UserName", "RoleId", "Enabled", "Locked", "PasswordChangeRequired")
    bmc.tree[ACCOUNT] = dict.fromkeys(names, value)
    async with connect(access()) as there:
        for found in await accounts.accounts(there):
            assert all(str(each).isprintable() for each in found.as_dict().values())
        with pytest.raises(BmcError):
            await accounts.rotate(there, access(), "admin", Secret(NEW))
    assert bmc.count("PATCH") == 0
