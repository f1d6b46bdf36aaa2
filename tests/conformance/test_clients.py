"""Clients that others wrote drive the simulator; what came of it is seen from behind the BMC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provision.sim import Rack, SimServer
from provision.sim.machine import Power, Progress
from tests.conformance.conftest import outsider
from tests.serving import served

if TYPE_CHECKING:
    from sushy import Sushy

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def unused(rack: Rack) -> Iterator[SimServer]:
    """Servers that no test had yet."""
    return iter(rack.servers)


@pytest.fixture
def server(unused: Iterator[SimServer]) -> SimServer:
    """A server of the test's own."""
    return next(unused)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the machine does in its own time."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def with_sushy(server: SimServer, work: Callable[[Sushy], Any]) -> Any:
    """Run ``work`` with OpenStack's client, verified TLS and a session of its own."""
    import sushy

    def run() -> Any:
        root = sushy.Sushy(
            server.url,
            auth=sushy.auth.SessionAuth(server.user, server.password.reveal()),
            verify=str(server.ca_file),
        )
        try:
            return work(root)
        finally:
            root._auth.close()

    return await asyncio.to_thread(run)


async def test_sushy_reads_and_drives(server: SimServer) -> None:
    """Ironic's way: inventory, boot device once, power, BIOS, secure boot."""
    import sushy

    await until(lambda: server.machine.progress is Progress.OS_RUNNING)
    machine = server.machine

    def look(root: Sushy) -> tuple[Any, ...]:
        system = root.get_system_collection().get_members()[0]
        return (
            system.power_state,
            system.memory_summary.size_gib,
            len(system.processors.get_members()),
            system.uuid,
            len(system.ethernet_interfaces.get_members()),
        )

    spec = server.spec
    assert await with_sushy(server, look) == (
        sushy.PowerState.ON,
        spec.memory_mib // 1024,
        spec.sockets,
        spec.uuid,
        len(spec.nics),
    )

    def stage(root: Sushy) -> None:
        system = root.get_system_collection().get_members()[0]
        system.set_system_boot_options(
            target=sushy.BootSource.USB, enabled=sushy.BootSourceOverrideEnabled.ONCE
        )
        system.bios.set_attribute("ProcVirtualization", "Disabled")
        system.secure_boot.set_enabled(True)

    await with_sushy(server, stage)
    assert (machine.boot.target, machine.boot.enabled) == ("Usb", "Once")
    assert machine.bios.on("ProcVirtualization")  # it is staged, and no more
    assert (machine.secure_boot, machine.secure_boot_pending) == (False, True)

    boots = machine.boots

    def restart(root: Sushy) -> None:
        root.get_system_collection().get_members()[0].reset_system(sushy.ResetType.FORCE_RESTART)

    await with_sushy(server, restart)
    await until(lambda: machine.boots > boots and machine.secure_boot)
    assert not machine.bios.on("ProcVirtualization")
    await until(lambda: "Access Denied" in server.console())  # what is on the disk is not signed
    assert machine.boot.enabled == "Disabled"
    assert server.count("POST", "ComputerSystem.Reset") == 1


async def test_sushy_fills_a_drive(server: SimServer, tmp_path: Path) -> None:
    """Virtual media as Ironic inserts and ejects it."""
    image = tmp_path / "image.iso"
    image.write_bytes(b"\0" * 4096)

    async def act(work: Callable[[Any], Any]) -> Any:
        return await with_sushy(
            server,
            lambda root: work(
                root.get_system_collection().get_members()[0].virtual_media.get_members()[0]
            ),
        )

    async with served(tmp_path) as address:
        await act(lambda drive: drive.insert_media(f"{address}/image.iso"))
    (slot,) = [slot for slot in server.machine.slots if slot.image]
    assert str(slot.image).endswith("/image.iso")
    assert await act(lambda drive: drive.inserted)
    await act(lambda drive: drive.eject_media())
    assert not any(slot.image for slot in server.machine.slots)


async def test_sushy_keeps_to_a_session(server: SimServer) -> None:
    """A login, work, a logout: nothing is left in the session table."""
    await with_sushy(server, lambda root: root.get_system_collection().members_identities)
    assert server.count("POST", "Sessions") == 1
    assert server.count("DELETE", "Sessions/") == 1


async def test_dmtf_scripts_read(server: SimServer) -> None:
    """DMTF's scripts show the power, the inventory, the BIOS, the logs, the firmware, accounts."""
    for program, words, expected in (
        ("rf_power_reset.py", ["--info"], "Current power state: On"),
        ("rf_sys_inventory.py", [], server.spec.cpu.model),
        ("rf_bios_settings.py", [], "ProcVirtualization"),
        ("rf_logs.py", ["--manager"], "The BMC has started."),
        ("rf_firmware_inventory.py", [], "BIOS"),
        ("rf_accounts.py", [], server.user),
        ("rf_virtual_media.py", ["info"], "CD1"),
        ("rf_boot_override.py", ["--info"], "Usb"),
    ):
        said = await outsider(program, server, *words)
        assert said.status == 0, said.text
        assert expected in said.text, said.text
    assert not [one for one in server.requests if one.method == "PATCH"]


async def test_dmtf_scripts_act(server: SimServer) -> None:
    """DMTF's scripts set a boot device, a BIOS attribute, an account, and the power."""
    machine = server.machine
    await until(lambda: machine.progress is Progress.OS_RUNNING)
    done = await outsider("rf_boot_override.py", server, "--target", "Usb")
    assert done.status == 0, done.text
    assert (machine.boot.target, machine.boot.enabled) == ("Usb", "Once")
    done = await outsider("rf_bios_settings.py", server, "-a", "ProcVirtualization", "Disabled")
    assert done.status == 0, done.text
    done = await outsider("rf_accounts.py", server, "--add", "tech", "s3cret-enough", "Operator")
    assert done.status == 0, done.text
    done = await outsider("rf_power_reset.py", server, "--type", "ForceOff")
    assert done.status == 0, done.text
    await until(lambda: machine.power is Power.OFF)
    done = await outsider("rf_power_reset.py", server, "--type", "On")
    assert done.status == 0, done.text
    await until(lambda: machine.progress is Progress.OS_RUNNING)
    assert not machine.bios.on("ProcVirtualization")
    assert machine.boot.enabled == "Disabled"
    assert server.count("POST", "ComputerSystem.Reset") == 2
