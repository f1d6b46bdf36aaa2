"""Power, boot settings, BIOS settings and what the simulated firmware makes of them."""

from __future__ import annotations

import pytest

from provision.sim import Rack, SimServer
from tests.sim.client import RESET, SETTINGS, SYSTEM, Client, client, image


@pytest.fixture
def server(rack: Rack) -> SimServer:
    """A server with nothing odd about it."""
    return rack.servers[1]


async def test_power_takes_its_time_and_its_steps(server: SimServer) -> None:
    """On is accepted at once, and observed later; off is off at once."""
    server.stick.write_bytes(image("hello"))
    async with client(server) as bmc:
        assert await bmc.reset("On") == 204
        assert (await bmc.get(SYSTEM))["PowerState"] in ("PoweringOn", "On")
        await bmc.until("END")
        system = await bmc.get(SYSTEM)
        assert system["PowerState"] == "On"
        assert system["LastResetTime"]
        assert await bmc.reset("ForceOff") == 204
        system = await bmc.get(SYSTEM)
        assert (system["PowerState"], system["BootProgress"]["LastState"]) == ("Off", "None")


async def test_resets_that_do_not_fit_the_state(server: SimServer) -> None:
    """What is there already changes nothing; a forced start of a server that is off starts it."""
    async with client(server) as bmc:
        assert await bmc.reset("ForceOff") == 204
        assert "LastResetTime" not in await bmc.get(SYSTEM)
        for kind in ("GracefulShutdown", "GracefulRestart"):
            answer = await bmc.ask("POST", RESET, {"ResetType": kind})
            assert (answer.status, answer.message) == (409, "ActionParameterValueConflict")
        await bmc.boots()
        assert await bmc.reset("On") == 204
        assert server.machine.boots == 1
        for count, kind in enumerate(("ForceRestart", "PowerCycle"), 2):
            await bmc.reset("ForceOff")
            assert await bmc.reset(kind) == 204
            await bmc.until(f"boot {count}")
            await bmc.state("On")


async def test_a_shutdown_needs_somebody_who_answers(server: SimServer) -> None:
    """A running system goes down; one that never came up ignores the button, as real ones do."""
    async with client(server) as bmc:
        await bmc.boots()  # finds nothing to boot
        assert await bmc.reset("GracefulShutdown") == 204
        assert (await bmc.get(SYSTEM))["PowerState"] == "On"
        server.stick.write_bytes(image("hello"))
        await bmc.boots()
        assert (await bmc.get(SYSTEM))["BootProgress"]["LastState"] == "OSRunning"
        assert await bmc.reset("GracefulRestart") == 204
        await bmc.until("going down for reboot", "boot 3")
        await bmc.reset("ForceOff")
        await bmc.boots()
        assert await bmc.reset("GracefulShutdown") == 204
        await bmc.state("Off")
        assert "going down for power-off" in server.console()


async def test_the_stick_is_really_read(server: SimServer) -> None:
    """Blank: no boot. Signature only: something unknown. With a script: exactly its lines."""
    async with client(server) as bmc:
        assert "No bootable device" in await bmc.boots()
        server.stick.write_bytes(image(signature=False))
        assert "no boot signature" in await bmc.boots()
        server.stick.write_bytes(image())
        assert "Internal USB Stick: unknown operating system" in await bmc.boots()
        server.stick.write_bytes(image("first\nsecond"))
        assert "\nfirst\nsecond\nEND\n" in await bmc.boots()
        server.stick.write_bytes(image("never", signature=False))
        assert "never" not in await bmc.boots()
        server.stick.unlink()
        assert "No bootable device" in await bmc.boots()


async def test_once_is_spent_by_one_boot(server: SimServer) -> None:
    """Once fires once, Continuous stays until it is disabled."""
    server.stick.write_bytes(image("stick"))
    async with client(server) as bmc:
        await bmc.boot(target="BiosSetup", enabled="Once")
        assert "Entering setup" in await bmc.boots()
        boot = (await bmc.get(SYSTEM))["Boot"]
        assert boot["BootSourceOverrideEnabled"] == "Disabled"
        assert boot["BootSourceOverrideTarget"] == "None"
        assert "Entering setup" not in await bmc.boots()
        await bmc.boot(target="BiosSetup", enabled="Continuous")
        for _ in range(2):
            assert "Entering setup" in await bmc.boots()
        await bmc.boot(enabled="Disabled")
        assert (await bmc.get(SYSTEM))["Boot"]["BootSourceOverrideTarget"] == "None"
        assert "stick" in await bmc.boots()


async def test_a_boot_cut_short_leaves_once_unspent(server: SimServer) -> None:
    """Power that goes before the firmware looks at the override does not use it up."""
    async with client(server) as bmc:
        await bmc.boot(target="Usb", enabled="Once")
        await bmc.reset("On")
        await bmc.reset("ForceOff")
        assert (await bmc.get(SYSTEM))["Boot"]["BootSourceOverrideEnabled"] == "Once"


async def test_the_boot_order_decides_without_an_override(server: SimServer) -> None:
    """The first bootable one in BootOrder runs; an override goes before it."""
    server.stick.write_bytes(image("stick"))
    async with client(server) as bmc:
        order = (await bmc.get(SYSTEM))["Boot"]["BootOrder"]
        names = {ref: (await bmc.get(f"{SYSTEM}/BootOptions/{ref}")) for ref in order}
        pxe = next(ref for ref in order if names[ref]["Alias"] == "Pxe")
        assert "PXE" not in await bmc.boots()
        await bmc.boot(BootOrder=[pxe, *(ref for ref in order if ref != pxe)])
        shown = await bmc.boots()
        assert shown.index("PXE") < shown.index("stick")
        stick = next(o for o in names.values() if o["DisplayName"] == "Internal USB Stick")
        await bmc.boot(
            target="UefiTarget",
            enabled="Once",
            UefiTargetBootSourceOverride=stick["UefiDevicePath"],
        )
        assert "PXE" not in await bmc.boots()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "Floppy"}, "PropertyValueNotInList"),
        ({"target": None}, "PropertyValueTypeError"),
        ({"enabled": "Twice"}, "PropertyValueNotInList"),
        ({"BootOrder": ["Boot0001"]}, "PropertyValueNotInList"),
        ({"BootOrder": "Boot0001"}, "PropertyValueTypeError"),
        ({"BootOptions": {}}, "PropertyNotWritable"),
        ({"target": "UefiTarget", "enabled": "Once"}, "PropertyMissing"),
        ({"target": "UefiTarget", "enabled": "Continuous"}, "PropertyValueConflict"),
    ],
)
async def test_boot_settings_it_cannot_have_are_refused(
    server: SimServer, settings: dict[str, object], message: str
) -> None:
    """A refused PATCH changes nothing."""
    async with client(server) as bmc:
        before = (await bmc.get(SYSTEM))["Boot"]
        answer = await bmc.boot(**settings)
        assert (answer.status, answer.message) == (400, message)
        assert (await bmc.get(SYSTEM))["Boot"] == before


async def _virtualization(bmc: Client) -> tuple[str, str]:
    current = await bmc.get(f"{SYSTEM}/Bios")
    pending = await bmc.get(SETTINGS)
    name = "ProcVirtualization"
    return current["Attributes"][name], pending["Attributes"][name]


async def test_bios_settings_wait_for_the_next_boot_and_are_felt(rack: Rack) -> None:
    """Staged is not applied; after POST it is, and what boots sees the difference."""
    server = rack.servers[0]
    server.stick.write_bytes(image("?virt VT is on\n!virt VT is off"))
    async with client(server) as bmc:
        assert "\nVT is off\nEND" in await bmc.boots()
        answer = await bmc.patch(SETTINGS, {"Attributes": {"ProcVirtualization": "Enabled"}})
        assert answer.body["Attributes"]["ProcVirtualization"] == "Enabled"
        assert await _virtualization(bmc) == ("Disabled", "Enabled")
        shown = await bmc.boots()
        assert "\nVT is on\nEND" in shown
        assert "Processor virtualization: enabled" in shown
        assert await _virtualization(bmc) == ("Enabled", "Enabled")
        settings = (await bmc.get(f"{SYSTEM}/Bios"))["@Redfish.Settings"]
        assert settings["Messages"][0]["MessageId"].endswith(".Success")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"ProcVirtualisation": "Enabled"}, "PropertyUnknown"),
        ({"ProcVirtualization": "Yes"}, "PropertyValueNotInList"),
        ({"ProcVirtualization": True}, "PropertyValueTypeError"),
        ({"InternalUsb": "Disabled"}, "PropertyNotWritable"),
    ],
)
async def test_bios_settings_are_checked_against_the_registry(
    server: SimServer, attributes: dict[str, object], message: str
) -> None:
    """The registry that is served is the one that is enforced."""
    async with client(server) as bmc:
        answer = await bmc.ask("PATCH", SETTINGS, {"Attributes": attributes})
        assert (answer.status, answer.message) == (400, message)
        name = (await bmc.get(f"{SYSTEM}/Bios"))["AttributeRegistry"]
        file = await bmc.get(f"/redfish/v1/Registries/{name}")
        registry = await bmc.get(file["Location"][0]["Uri"])
        described = {row["AttributeName"] for row in registry["RegistryEntries"]["Attributes"]}
        assert described == set((await bmc.get(f"{SYSTEM}/Bios"))["Attributes"])


async def test_bios_dependencies_are_served_and_enforced(server: SimServer) -> None:
    """A workload profile holds what it sets; set to Custom in the same request, it lets go."""
    server.machine.bios.stage({"WorkloadProfile": "LowLatency"})
    server.machine.bios.apply()
    async with client(server) as bmc:
        assert await _virtualization(bmc) == ("Disabled", "Disabled")
        wanted = {"ProcVirtualization": "Enabled"}
        answer = await bmc.ask("PATCH", SETTINGS, {"Attributes": wanted})
        assert (answer.status, answer.message) == (400, "PropertyNotWritable")
        answer = await bmc.ask(
            "PATCH", SETTINGS, {"Attributes": wanted | {"WorkloadProfile": "Custom"}}
        )
        assert answer.status == 200
        assert await _virtualization(bmc) == ("Disabled", "Enabled")


async def test_usb_boot_can_be_switched_off(server: SimServer) -> None:
    """A stick that boots everywhere else does not boot here, and back to defaults it does."""
    server.stick.write_bytes(image("stick"))
    async with client(server) as bmc:
        await bmc.patch(SETTINGS, {"Attributes": {"UsbBoot": "Disabled"}})
        assert "No bootable device" in await bmc.boots()
        assert (await bmc.ask("POST", f"{SYSTEM}/Bios/Actions/Bios.ResetBios", {})).status == 204
        assert "stick" in await bmc.boots()


async def test_secure_boot_refuses_what_is_not_signed(server: SimServer) -> None:
    """It takes effect at the next boot, as the BIOS settings do."""
    server.stick.write_bytes(image("stick"))
    async with client(server) as bmc:
        await bmc.patch(f"{SYSTEM}/SecureBoot", {"SecureBootEnable": True})
        state = await bmc.get(f"{SYSTEM}/SecureBoot")
        assert state["SecureBootCurrentBoot"] == "Disabled"
        shown = await bmc.boots()
        assert "Access Denied" in shown
        assert "\nstick\n" not in shown
        server.stick.write_bytes(image("@signed\nstick"))
        assert "\nstick\n" in await bmc.boots()


async def test_a_script_can_hang(server: SimServer) -> None:
    """After @hang nothing runs, so nothing answers a shutdown."""
    server.stick.write_bytes(image("?virt ?uefi Panic\n@wait 0\n@hang\nnever"))
    async with client(server) as bmc:
        await bmc.reset("On")
        await bmc.until("Panic")
        assert await bmc.reset("GracefulShutdown") == 204
        system = await bmc.get(SYSTEM)
        assert (system["PowerState"], system["BootProgress"]["LastState"]) == (
            "On",
            "OSBootStarted",
        )
        assert "never" not in server.console()
