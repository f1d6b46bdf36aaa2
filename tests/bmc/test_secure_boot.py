"""Secure Boot: looked at, switched once, looked at again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provision.bmc import secure_boot
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied, NotSupported
from provision.core.errors import Conflict, OutcomeUnknown
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc

Reach = Callable[..., Access]
PATH = f"{SYSTEM}/SecureBoot"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(secure_boot, "_BETWEEN_LOOKS", 0.01)


async def test_switched_once_from_the_next_boot_on(server: SimServer, client: Bmc) -> None:
    """One PATCH; what runs now stays as it is; a second wish for the same sends nothing."""
    done = await secure_boot.switch(client, True)
    assert (done.sent, done.before.wanted, done.after.wanted) == (True, False, True)
    assert done.after.current is False
    assert done.after.pending
    assert not (await secure_boot.switch(client, True)).sent
    assert server.count("PATCH", "SecureBoot") == 1


async def test_a_dry_run_sends_nothing(server: SimServer, client: Bmc) -> None:
    """It looks, and that is all."""
    assert not (await secure_boot.switch(client, True, dry_run=True)).sent
    assert server.count("PATCH", "") == 0


async def test_a_lie_and_a_lost_answer(server: SimServer, client: Bmc) -> None:
    """A BMC that says yes and does nothing is found out; a lost answer is looked up, not sent."""
    server.faults.add(faults.lie("SecureBoot", method="PATCH", times=1))
    with pytest.raises(NotApplied, match="still shows it disabled"):
        await secure_boot.switch(client, True)
    server.faults.add(faults.drop("SecureBoot", method="PATCH"))
    assert (await secure_boot.switch(client, True)).after.wanted is True
    assert server.count("PATCH", "SecureBoot") == 2  # one for each wish


async def test_refused_while_another_job_is_at_work(server: SimServer, client: Bmc) -> None:
    """409 is passed on; it was sent once."""
    server.faults.add(faults.conflict("SecureBoot", method="PATCH"))
    with pytest.raises(Conflict):
        await secure_boot.switch(client, True)
    assert server.count("PATCH", "SecureBoot") == 1


async def test_lost_and_without_effect(server: SimServer, client: Bmc) -> None:
    """No answer and no change: the outcome is unknown, and nothing is sent again."""
    server.faults.add(faults.lie("SecureBoot", method="PATCH", times=1))
    server.faults.add(faults.drop("SecureBoot", method="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await secure_boot.switch(client, True)
    assert server.count("PATCH", "SecureBoot") == 1


async def test_none_at_all(bmc: HostileBmc, access: Reach) -> None:
    """A BMC without it says so clearly, with where to look instead."""
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="does not offer it") as caught:
            await secure_boot.state(there)
    assert "setup" in caught.value.hint


@pytest.mark.parametrize("value", [None, "Enabled", 1, [], {}, "\x1b[31m" * 99])
async def test_absurd_values_are_unknown(bmc: HostileBmc, access: Reach, value: object) -> None:
    """What is no boolean is not known, and is not switched blindly."""
    bmc.tree[SYSTEM]["SecureBoot"] = {"@odata.id": PATH}
    bmc.tree[PATH] = {
        "SecureBootEnable": value,
        "SecureBootCurrentBoot": value,
        "SecureBootMode": value,
    }
    async with connect(access()) as there:
        now = await secure_boot.state(there)
        assert now.wanted is None
        assert "\x1b" not in now.mode
        with pytest.raises(NotSupported):
            await secure_boot.switch(there, True)
    assert bmc.count("PATCH") == 0


async def test_setup_mode_is_told(bmc: HostileBmc, access: Reach) -> None:
    """Without keys, enabling checks nothing: it is said."""
    bmc.tree[SYSTEM]["SecureBoot"] = {"@odata.id": PATH}
    bmc.tree[PATH] = {"SecureBootEnable": True, "SecureBootMode": "SetupMode"}
    async with connect(access()) as there:
        done = await secure_boot.switch(there, True)
    assert "no platform key" in done.notes[0]
