"""Boot settings of every simulated platform: what is set is what the next start tries first."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path

import pytest

from provision.bmc import boot, boot_order, boot_writing, system
from provision.bmc.client import Bmc
from provision.bmc.errors import NotSupported
from provision.sim import personalities
from provision.sim.boot import Device
from provision.sim.rack import SimServer
from tests.bmc.platform_rack import reached

pytestmark = pytest.mark.campaign


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow at once."""
    monkeypatch.setattr(boot_writing, "_BETWEEN_LOOKS", 0.02)
    monkeypatch.setattr(boot_writing, "_POST_PAUSE", 0.3)


async def once(server: SimServer, bmc: Bmc) -> None:
    """A stick once: by its target, or by the option that proves to be it; then the order again."""
    found = await boot.set_boot(bmc, "usb", once=True, mode=None)
    assert found.enabled == "Once"
    assert (await boot.set_boot(bmc, "usb", once=True, mode=None)).requests == ()
    assert boots(server) == [Device.STICK, Device.DISK]


async def taken_back(server: SimServer, bmc: Bmc) -> None:
    """An override is cleared by what the platform wants to hear; a second time nothing is sent."""
    await boot.set_boot(bmc, "cd", once=True, mode=None)
    cleared = await boot.clear_boot(bmc)
    assert cleared.enabled == "Disabled" or cleared.target == "None"
    assert (await boot.clear_boot(bmc)).requests == ()
    assert boots(server) == [Device.DISK, Device.DISK]


async def ordered(server: SimServer, bmc: Bmc) -> None:
    """An order is set in part where the platform wants it written, and read back."""
    before = sorted(server.machine.boot.order)
    found = await boot_order.set_order(bmc, ["pxe", "disk"])
    assert [each.kind for each in found.options[:2]] == ["pxe", "disk"]
    assert sorted(server.machine.boot.order) == before
    assert (await boot_order.set_order(bmc, ["pxe", "disk"])).requests == ()
    assert boots(server) == [Device.PXE, Device.PXE]


async def for_good(server: SimServer, bmc: Bmc) -> None:
    """A stick for good: by an override that stays, or first in the order; twice is once."""
    await boot.set_boot(bmc, "usb", once=False, mode=None)
    assert (await boot.set_boot(bmc, "usb", once=False, mode=None)).requests == ()
    assert boots(server) == [Device.STICK, Device.STICK]


async def refused(server: SimServer, asked: Coroutine[None, None, object]) -> None:
    """What a platform does not have is refused with what to do instead; nothing is sent."""
    before = server.count("PATCH", "")
    with pytest.raises(NotSupported) as caught:
        await asked
    assert caught.value.hint
    assert server.count("PATCH", "") == before


def boots(server: SimServer) -> list[Device]:
    """What the next two starts try first."""
    return [server.machine.boot.take()[1][0].device for _ in range(2)]


@pytest.mark.parametrize("name", personalities.names())
async def test_what_is_set_is_what_is_tried(name: str, tmp_path: Path) -> None:
    """Recognised; once, taken back, in order, for good; and refused where there is no way."""
    async with reached(name, tmp_path) as (server, bmc):
        personality = personalities.load(name)
        assert bmc.platform.id == personality.platform
        if not personality.boot.override:
            await refused(server, boot.set_boot(bmc, "usb", once=True, mode=None))
        else:
            await once(server, bmc)
            await taken_back(server, bmc)
        if personality.boot.order == "none":
            await refused(server, boot_order.set_order(bmc, ["usb"]))
        else:
            await ordered(server, bmc)
        await for_good(server, bmc)


async def test_a_server_in_post_is_waited_for(tmp_path: Path) -> None:
    """A platform that takes no change during POST takes it afterwards, within the tries."""
    async with reached("hpe-ilo5", tmp_path, scale=0.1) as (server, bmc):
        await system.set_power(bmc, "on", wait=5)
        found = await boot.set_boot(bmc, "usb", once=True, mode=None)
        assert found.target == "Usb"
        answers = [each.status for each in server.requests if each.method == "PATCH"]
        assert answers[0] == 400


async def test_a_virtual_cd_is_told_from_a_real_one(tmp_path: Path) -> None:
    """Where the target Cd may be a real drive, the option of the virtual one is booted."""
    async with reached("dell-idrac9", tmp_path) as (server, bmc):
        found = await boot.set_boot(bmc, "cd", once=True, mode=None)
        assert found.target == "UefiTarget"
        assert server.machine.boot.take()[1][0].device is Device.CD
