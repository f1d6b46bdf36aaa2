"""Virtual machines behind our own BMCs: what was set is what real firmware then does.

What is believed is the console: each medium holds a tiny program that says its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from provision.sim import Rack, running, standard_mix
from provision.sim.qemu import Qemu
from tests.lab import marker
from tests.lab.virtual import Server
from tests.serving import served

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

_SERVERS = 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rack]:
    """Enough machines that each test has its own; one that is off costs nothing."""
    folder = tmp_path_factory.mktemp("rack")
    specs = standard_mix(_SERVERS)
    async with running(specs, scale=0.1, directory=folder, backend=Qemu()) as made:
        yield made


@pytest.fixture(scope="module")
def unused(rack: Rack) -> Iterator[int]:
    """Numbers of servers that no test had yet."""
    return iter(range(len(rack.servers)))


@pytest_asyncio.fixture(loop_scope="module")
async def server(rack: Rack, unused: Iterator[int], tmp_path: Path) -> AsyncIterator[Server]:
    """A server that is off, its stick and its disk bootable; off again afterwards."""
    one = Server(sim=rack.servers[next(unused)], state=tmp_path)
    one.fill()
    try:
        yield one
    finally:
        await one.machine.close()


@asynccontextmanager
async def disc(folder: Path, name: str, then: marker.Then = "halt") -> AsyncIterator[str]:
    """Serve an ISO that boots into the program ``name``; give its URL."""
    marker.disc(folder / "cd.iso", name, then)
    async with served(folder) as address:
        yield f"{address}/cd.iso"


@pytest.mark.parametrize(("device", "expected"), [("disk", "disk"), ("cd", "cd"), ("usb", "stick")])
async def test_once_fires_once(server: Server, tmp_path: Path, device: str, expected: str) -> None:
    """An override for one boot is what the firmware boots, that once; then its own order again."""
    own = "stick" if device != "usb" else "disk"
    if own == "disk":
        await server.do("boot", "order", "disk")
    async with disc(tmp_path, "cd") as url:
        await server.do("media", "insert", url)
    await server.do("boot", "once", device)
    await server.start(expected)
    await server.settled()
    assert "no override" in await server.do("boot", "get")
    await server.restart(own)


async def test_a_device_by_its_path_once(server: Server) -> None:
    """UefiTarget means the one device with that path."""
    options = server.machine.boot.options.values()
    path = next(option.path for option in options if option.alias == "Hdd")
    await server.do("boot", "once", path)
    await server.start("disk")
    await server.settled()
    await server.restart("stick")


async def test_the_boot_order_holds(server: Server) -> None:
    """The order that was set is tried in that order at every start, and is what is shown."""
    await server.do("boot", "order", "disk")
    await server.start("disk")
    await server.restart("disk")
    shown = (await server.do("boot", "order")).splitlines()
    assert "HARDDISK" in shown[0]
    await server.do("boot", "order", "usb")
    await server.restart("stick")


async def test_a_persistent_override(server: Server) -> None:
    """A continuous override goes before the order at each start, until it is taken back."""
    await server.do("boot", "persistent", "disk")
    await server.start("disk")
    await server.restart("disk")
    assert "Continuous" in await server.do("boot", "get")
    await server.do("boot", "disable")
    await server.restart("stick")


async def test_once_does_not_outlive_a_reset_from_inside(server: Server, tmp_path: Path) -> None:
    """An installer that reboots comes back by the boot order, without any request to the BMC."""
    async with disc(tmp_path, "installer", "reset") as url:
        await server.do("media", "insert", url)
    await server.do("boot", "once", "cd")
    await server.do("power", "on")
    await server.shows(r"\[stick")
    assert server.booted() == ["installer", "stick"]
    assert server.machine.boots == 2


async def test_once_waits_for_the_start_it_was_set_for(server: Server) -> None:
    """Set while the machine runs, it is not spent by the boot that had begun before."""
    await server.start("stick")
    await server.do("boot", "once", "disk")
    await asyncio.sleep(2)
    assert "Once" in await server.do("boot", "get")
    await server.restart("disk")
    await server.settled()
    await server.restart("stick")


async def test_setup_once(server: Server) -> None:
    """The firmware's setup opens, is told as the boot's progress, and opens that once."""
    await server.do("boot", "once", "setup")
    await server.do("power", "on")
    await server.shows("Boot Maintenance Manager")
    await server.settled()
    assert server.machine.progress == "SetupEntered"
    await server.restart("stick")


async def test_a_disc_while_the_machine_runs(server: Server, tmp_path: Path) -> None:
    """A disc put in or taken out of a running machine is there, or is not, at the next start."""
    await server.do("boot", "order", "cd")
    await server.start("stick")
    async with disc(tmp_path, "cd") as url:
        await server.do("media", "insert", url)
    await server.restart("cd")
    await server.do("media", "eject")
    await server.restart("stick")


async def test_secure_boot_refuses_what_is_not_signed(server: Server) -> None:
    """With secure boot on, real firmware refuses our unsigned programs; with it off it does not."""
    await server.do("secureboot", "enable")
    await server.do("power", "on")
    await server.shows("Security Violation|Access Denied")
    assert not server.booted()
    assert server.machine.secure_boot
    await server.do("secureboot", "disable")
    await server.restart("stick")


async def test_virtualization_is_a_switch_of_the_processor(server: Server) -> None:
    """The BIOS attribute decides what CPUID says inside, from the next start on."""
    await server.start("stick")
    assert "[stick svm]" in server.console()
    await server.do("bios", "set", "ProcVirtualization=Disabled")
    seen = len(server.console())
    await server.restart("stick")
    assert "svm]" not in server.console()[seen:]


async def test_boot_from_usb_is_a_switch(server: Server) -> None:
    """With USB boot off the stick is not there for the firmware."""
    await server.do("bios", "set", "UsbBoot=Disabled")
    await server.start("disk")
    assert "stick" not in server.booted()


async def test_off_by_the_guest_is_off(server: Server) -> None:
    """A guest that switches itself off is seen to be off, and costs no process."""
    server.fill(stick="off")
    await server.do("power", "on")
    await server.shows(r"\[stick")
    async with asyncio.timeout(20):
        while server.machine.power != "Off":
            await asyncio.sleep(0.1)
    assert server.machine.vm is None
    assert "Off" in await server.do("power", "status")


async def test_a_start_that_finds_nothing(server: Server) -> None:
    """Blank media are told as such by the firmware, and nothing counts as booted."""
    for file in (server.sim.stick, server.machine.disk):
        size = file.stat().st_size
        file.write_bytes(b"")
        with file.open("ab") as blank:
            blank.truncate(size)
    await server.do("power", "on")
    await server.shows("failed to load Boot.*HARDDISK")
    assert not server.booted()
