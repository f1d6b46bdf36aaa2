"""Boot settings that no platform is named for: by option, by order, refused, in POST, dry."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc import boot, boot_order, boot_writing
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import BmcError, NotApplied, NotSupported
from provision.sim import faults
from provision.sim.boot import Device
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer

Reach = Callable[..., Access]
SETTINGS = f"{SYSTEM}/Settings"
DISK, STICK, CD, VIRTUAL, PXE = (f"Boot000{number}" for number in range(1, 6))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow at once."""
    monkeypatch.setattr(boot_writing, "_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(boot_writing, "_POST_PAUSE", 0.01)


def first(server: SimServer) -> Device:
    """What the next boot of the simulated server tries first."""
    return server.machine.boot.take()[1][0].device


async def test_an_option_is_booted_by_its_path(server: SimServer, client: Bmc) -> None:
    """A reference or a name leads there once, and then the order counts again."""
    for said in (STICK, "internal usb stick"):
        found = await boot.set_boot(client, said, once=True, mode=None)
        assert (found.target, found.enabled) == ("UefiTarget", "Once")
        assert "USB(0x6" in found.option
    assert server.count("PATCH", "Systems/1") == 1  # the second is so already
    assert first(server) is Device.STICK
    assert first(server) is Device.DISK


async def test_for_good_means_first_in_the_order(server: SimServer, client: Bmc) -> None:
    """UefiTarget cannot stay: an option for good is put first, and nothing else moves."""
    found = await boot.set_boot(client, STICK, once=False, mode=None)
    assert "first in the boot order: Boot0002" in found.note
    order = await boot_order.get_order(client)
    assert [each.reference for each in order.options] == [STICK, DISK, CD, VIRTUAL, PXE]
    again = await boot.set_boot(client, STICK, once=False, mode=None)
    assert again.requests == ()
    assert server.count("PATCH", "Systems/1") == 1
    assert first(server) is Device.STICK


async def test_a_partial_order(server: SimServer, client: Bmc) -> None:
    """What is named comes first, a word for all of its kind; the rest keeps its place."""
    found = await boot_order.set_order(client, ["pxe", "Virtual CD"])
    wanted = [PXE, CD, DISK, STICK, VIRTUAL]
    assert [each.reference for each in found.options] == wanted
    assert server.machine.boot.order == wanted
    assert (await boot_order.set_order(client, [PXE, CD])).requests == ()
    assert server.count("PATCH", "Systems/1") == 1
    with pytest.raises(NotSupported, match="no boot option proves to be sd"):
        await boot_order.set_order(client, ["sd"])


async def test_dry_runs_send_nothing(server: SimServer, client: Bmc) -> None:
    """The request is told as it would be sent, and is none of those the BMC received."""
    once = await boot.set_boot(client, "usb", once=True, mode="uefi", dry_run=True)
    (request,) = [each.as_dict() for each in once.requests]
    assert (request["method"], request["uri"]) == ("PATCH", "/redfish/v1/Systems/1")
    assert request["body"]["Boot"]["BootSourceOverrideTarget"] == "Usb"
    order = await boot_order.set_order(client, ["usb"], dry_run=True)
    assert order.requests[0].body == {"Boot": {"BootOrder": [STICK, DISK, CD, VIRTUAL, PXE]}}
    assert (await boot.clear_boot(client, dry_run=True)).requests == ()  # there is none
    assert server.count("PATCH", "") == 0
    assert (await boot.boot_setting(client)).enabled == "Disabled"


async def test_an_order_that_is_only_said(server: SimServer, client: Bmc) -> None:
    """204 is no evidence here, either; a lost answer is settled by looking."""
    server.faults.add(faults.lie("Systems/1", method="PATCH", times=1))
    with pytest.raises(NotApplied, match="shows Boot0001"):
        await boot_order.set_order(client, ["pxe"])
    server.faults.add(faults.drop("Systems/1", method="PATCH"))
    assert (await boot_order.set_order(client, ["pxe"])).options[0].reference == PXE
    assert server.count("PATCH", "Systems/1") == 2


BOOT: dict[str, Any] = {
    "BootSourceOverrideEnabled": "Disabled",
    "BootSourceOverrideMode": "UEFI",
    "BootSourceOverrideTarget": "None",
    "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Usb", "Pxe"],
    "BootOrder": ["A", "B"],
}


def accept(
    bmc: HostileBmc, path: str, refuse: Callable[[dict[str, Any]], bytes | None] | None = None
) -> list[dict[str, Any]]:
    """Let a resource take changes of Boot unless ``refuse`` has an answer; return them."""
    taken: list[dict[str, Any]] = []

    async def take(request: Request) -> bytes:
        body = json.loads(request.body)["Boot"]
        taken.append(body)
        if refuse and (no := refuse(body)):
            return no
        bmc.tree[path].setdefault("Boot", {}).update(body)
        return answer(None, 204)

    bmc.on["PATCH", path] = take
    return taken


def refusal(message: str, name: str = "PropertyNotWritable") -> bytes:
    """A 400 with one message."""
    info = [{"MessageId": f"Base.1.0.{name}", "Message": message}]
    return answer({"error": {"@Message.ExtendedInfo": info}}, 400)


async def test_what_the_system_refuses_its_settings_may_take(
    bmc: HostileBmc, access: Reach
) -> None:
    """The system first; then its settings resource, if that shows what is to be written."""
    bmc.tree[SYSTEM] |= {
        "Boot": dict(BOOT),
        "@Redfish.Settings": {"SettingsObject": {"@odata.id": SETTINGS}},
    }
    bmc.tree[SETTINGS] = {"Boot": {}}
    at_system = accept(bmc, SYSTEM, lambda _body: refusal("Boot is read-only"))
    at_settings = accept(bmc, SETTINGS)
    async with connect(access()) as there:
        with pytest.raises(BmcError, match="read-only"):
            await boot.set_boot(there, "usb", once=True, mode=None)
        assert at_settings == []
        bmc.tree[SETTINGS] = {"Boot": dict(BOOT)}
        found = await boot.set_boot(there, "usb", once=True, mode=None)
        assert (found.target, found.requests[0].uri) == ("Usb", SETTINGS)
        order = await boot_order.set_order(there, ["B"])
    assert order.pending
    assert at_settings[-1] == {"BootOrder": ["B", "A"]}
    assert at_system


async def test_a_bmc_that_wants_the_mode_with_a_disable(bmc: HostileBmc, access: Reach) -> None:
    """A refused form gives way to one that says more; the meaning stays."""
    bmc.tree[SYSTEM]["Boot"] = BOOT | {
        "BootSourceOverrideEnabled": "Once",
        "BootSourceOverrideTarget": "Usb",
    }

    def unless_whole(body: dict[str, Any]) -> bytes | None:
        return None if "BootSourceOverrideMode" in body else refusal("the mode is missing")

    taken = accept(bmc, SYSTEM, unless_whole)
    async with connect(access()) as there:
        assert (await boot.clear_boot(there)).enabled == "Disabled"
        assert (await boot.set_boot(there, "pxe", once=True, mode=None)).target == "Pxe"
    assert [sorted(each) for each in taken[:2]] == [
        ["BootSourceOverrideEnabled"],
        ["BootSourceOverrideEnabled", "BootSourceOverrideMode"],
    ]


async def test_a_server_in_post_is_waited_for(bmc: HostileBmc, access: Reach) -> None:
    """What cannot be changed while the server starts is tried again a few times, then refused."""
    bmc.tree[SYSTEM]["Boot"] = dict(BOOT)
    patience = iter(range(3))

    def in_post(_body: dict[str, Any]) -> bytes | None:
        starting = next(patience, None) is not None
        return refusal("", "UnableToModifyDuringSystemPOST") if starting else None

    taken = accept(bmc, SYSTEM, in_post)
    async with connect(access()) as there:
        assert (await boot.set_boot(there, "usb", once=True, mode="uefi")).target == "Usb"
        assert len(taken) == 4
        patience = iter(range(100))
        with pytest.raises(BmcError, match="DuringSystemPOST"):
            await boot.set_boot(there, "pxe", once=True, mode="uefi")
    assert len(taken) == 4 + boot_writing._POST_TRIES


async def test_the_next_boot_by_its_option(bmc: HostileBmc, access: Reach) -> None:
    """Where there is no UefiTarget, BootNext leads to the option."""
    bmc.tree[SYSTEM]["Boot"] = BOOT | {
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "UefiBootNext"],
        "BootOptions": {"@odata.id": "/redfish/v1/BO"},
        "BootNext": None,
    }
    bmc.tree["/redfish/v1/BO"] = {"Members": [{"@odata.id": "/redfish/v1/BO/B"}]}
    option = {"BootOptionReference": "B", "DisplayName": "Stick", "UefiDevicePath": "USB(0x1,0x0)"}
    bmc.tree["/redfish/v1/BO/B"] = option
    (taken,) = [accept(bmc, SYSTEM)]
    async with connect(access()) as there:
        found = await boot.set_boot(there, "usb", once=True, mode=None)
    assert (found.target, found.option) == ("UefiBootNext", "B")
    assert taken[0]["BootNext"] == "B"


async def test_no_mode_and_no_order(bmc: HostileBmc, access: Reach) -> None:
    """What a BMC does not have is refused, with what to do instead; nothing is sent."""
    bmc.tree[SYSTEM]["Boot"] = {
        "BootSourceOverrideEnabled": "Disabled",
        "BootSourceOverrideTarget": "None",
    }
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="no boot mode"):
            await boot.set_boot(there, "usb", once=True, mode="uefi")
        with pytest.raises(NotSupported, match="no boot order"):
            await boot_order.get_order(there)
        with pytest.raises(NotSupported, match="no boot order"):
            await boot_order.set_order(there, ["usb"])
    assert bmc.count("PATCH") == 0
