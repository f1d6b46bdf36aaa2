"""What the verbs read, of every recorded BMC: boot, order, media, resets, BIOS; in bounded time."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from provision.bmc import (
    bios,
    bios_reset,
    boot,
    boot_order,
    media_slots,
    recorded,
    resets,
    system,
    virtual_media,
)
from provision.bmc.errors import NotSupported
from provision.bmc.service import Bmc
from provision.core.errors import ProvisionError

pytestmark = pytest.mark.campaign

#: Platform, kinds of the boot order, drives that take an image, dry requests by verb.
EXPECTED: dict[str, dict[str, Any]] = {
    "libredfish-dell": {
        "platform": "dell-idrac9",
        "usb": None,
        "media": "Systems/System.Embedded.1/VirtualMedia/1",
        "off": "GracefulShutdown",
        "cycle": ["PowerCycle"],
    },
    "redfishctl-dell_xr8620t-tree": {
        "platform": "dell-idrac9",
        "usb": None,
        "media": None,
        "off": "GracefulShutdown",
        "cycle": ["PowerCycle"],
    },
    "iloemu-DL360": {
        "platform": "hpe-ilo5",
        "usb": "Usb",
        "media": "Managers/1/VirtualMedia/2",
        "off": "GracefulShutdown",
        "cycle": ["ForceOff", "On"],
    },
    "iloemu-DL380a": {
        "platform": "hpe-ilo6",
        "usb": "Usb",
        "media": "Managers/1/VirtualMedia/2",
        "off": "GracefulShutdown",
        "cycle": ["ForceOff", "On"],
    },
    "libredfish-lenovo": {
        "platform": "lenovo-xcc",
        "usb": "Usb",
        "media": "VirtualMedia/Remote1",
        "off": "GracefulShutdown",
        "cycle": ["ForceOff", "On"],
    },
    "libredfish-supermicro": {
        "platform": "supermicro",
        "usb": "Usb",
        "media": "Managers/1/VirtualMedia/VirtualMedia1",
        "off": "GracefulShutdown",
        "cycle": ["PowerCycle"],
    },
    "crayrie-Gigabyte": {
        "platform": "ami",
        "usb": "Usb",
        "media": "Managers/Self/VirtualMedia/CD1",
        "off": "GracefulShutdown",
        "cycle": ["ForceOff", "On"],
    },
    "crayrie-EX4252": {
        "platform": "hpe-cray-ex",
        "usb": None,
        "media": None,
        "off": "Off",
        "cycle": ["ForceOff", "On"],
    },
    "libredfish-nvidia_gb200": {
        "platform": "nvidia-openbmc",
        "usb": "Usb",
        "media": "VirtualMedia/USB",
        "off": "GracefulShutdown",
        "cycle": ["PowerCycle"],
    },
    "crayrie-OpenBMC-stock": {
        "platform": "openbmc",
        "usb": "Usb",
        "media": None,
        "off": None,
        "cycle": [],
    },
}
URL = "http://10.0.0.1/images/xen.iso"


async def bmc_of(redfish: Path, name: str) -> Bmc:
    """The first system of a recording, as a BMC."""
    raw = (redfish / f"{name}.json").read_bytes()
    return (await recorded.read(recorded.parse(raw, name), name))[0].bmc


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_verbs_on_a_recording(redfish: Path, name: str) -> None:
    """Each verb tells what it would send, to the place that this BMC has for it; or refuses."""
    told = EXPECTED[name]
    bmc = await bmc_of(redfish, name)
    assert bmc.platform.id == told["platform"]
    assert await once_usb(bmc) == told["usb"]
    await orders(bmc)
    assert (told["media"] or "") in (await inserted(bmc) or "" if told["media"] else "")
    body = await bmc.system()
    if body.get("PowerState") == "On":
        off = await system.set_power(bmc, "off", 1, dry_run=True)
        assert off.requests[0].body == {"ResetType": told["off"]}
        cycle = await system.set_power(bmc, "cycle", 1, dry_run=True)
        assert [each.body["ResetType"] for each in cycle.requests] == told["cycle"]
    assert "On" in await resets.offered(bmc, body)


async def once_usb(bmc: Bmc) -> str | None:
    """The target that boots a stick once here; None where nothing proves to be one."""
    try:
        found = await boot.set_boot(bmc, "usb", once=True, mode=None, dry_run=True)
    except NotSupported:
        return None
    assert len(found.requests) == 1
    return str(found.requests[0].body["Boot"]["BootSourceOverrideTarget"])


async def orders(bmc: Bmc) -> None:
    """Turn the order round in a dry run; nothing is lost, and each option has a name."""
    try:
        now = await boot_order.get_order(bmc)
    except NotSupported:
        return
    assert all(each.name for each in now.options)
    backwards = [each.reference for each in reversed(now.options)]
    found = await boot_order.set_order(bmc, backwards, dry_run=True)
    assert [each.reference for each in found.options] == backwards


async def inserted(bmc: Bmc) -> str | None:
    """The path that an image would be inserted at."""
    slots = await virtual_media.slots(bmc)
    if not media_slots.by_url(bmc, slots):
        with pytest.raises(NotSupported):
            await virtual_media.insert(bmc, URL)
        return None
    found = await virtual_media.insert(bmc, URL, dry_run=True)
    assert found.requests[0].body["Image"] == URL
    return found.requests[0].uri


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"crayrie-OpenBMC-stock"}))
async def test_bios_on_a_recording(redfish: Path, name: str) -> None:
    """What a machine has is no change and no obstacle; other values are told from wrong ones."""
    bmc = await bmc_of(redfish, name)
    here = await bios.attributes(bmc)
    plan = await bios.plan(bmc, here)
    assert (plan.changes, plan.obstacles) == ((), ())
    wrong = await bios.plan(bmc, dict.fromkeys(here, "\x1bno such value"))
    assert len(wrong.obstacles) > len(here) * 0.9 or bmc.platform.id == "hpe-cray-ex"
    found = await bios_reset.reset_bios(bmc, dry_run=True)
    assert found.requests[0].uri.lower().rstrip("/").endswith("bios.resetbios")
    await bios.pending(bmc)


def test_every_recording_is_here(redfish: Path) -> None:
    """A recording that is added gets its row."""
    assert {path.stem for path in redfish.glob("*.json")} == set(EXPECTED)


#: What the verbs read.
READ = ("boot", "virtualmedia", "bios", "systems", "registr", "actioninfo", "settings", "pending")
ABSURD: tuple[Any, ...] = (None, 7, "x", [], {}, [None], [7, {"@odata.id": 7}], {"target": []}, -1)


@pytest.mark.parametrize("name", ["iloemu-DL360", "libredfish-lenovo", "crayrie-Gigabyte"])
async def test_verbs_on_damaged_trees(redfish: Path, name: str) -> None:
    """Whatever stands in a field, a verb answers or refuses in our words: no traceback."""
    whole = json.loads((redfish / f"{name}.json").read_bytes())
    chance = random.Random(11)  # noqa: S311 - the same damage every time
    places = [uri for uri in whole if any(word in uri.lower() for word in READ)]
    for _ in range(40):
        tree = dict(whole)
        for uri in chance.sample(places, min(len(places), 25)):
            tree[uri] = damaged(tree[uri], chance)
        with suppress(ProvisionError):
            found = await recorded.read(tree, "damaged")
            await every_verb(found[0].bmc)


def damaged(value: Any, chance: random.Random) -> Any:
    """A resource with a few of its fields absurd, at any depth."""
    if not isinstance(value, dict) or not value:
        return value
    body = dict(value)
    for key in chance.sample(sorted(body), min(2, len(body))):
        deeper = isinstance(body[key], dict) and chance.random() < 0.6
        body[key] = damaged(body[key], chance) if deeper else chance.choice(ABSURD)
    return body


async def every_verb(bmc: Bmc) -> None:
    """Ask for each verb in a dry run; what is refused does not keep from the next."""
    asked = (
        lambda: boot.set_boot(bmc, "usb", once=True, mode="uefi", dry_run=True),
        lambda: boot.set_boot(bmc, "usb", once=False, mode=None, dry_run=True),
        lambda: boot.clear_boot(bmc, dry_run=True),
        lambda: boot_order.set_order(bmc, ["pxe"], dry_run=True),
        lambda: virtual_media.insert(bmc, URL, dry_run=True),
        lambda: virtual_media.eject(bmc, dry_run=True),
        lambda: system.set_power(bmc, "cycle", 1, dry_run=True),
        lambda: system.set_power(bmc, "off", 1, force_after=1, dry_run=True),
        lambda: bios.plan(bmc, {"virtualization": "disabled", "BootMode": "Uefi"}),
        lambda: bios.pending(bmc),
        lambda: bios_reset.reset_bios(bmc, dry_run=True),
    )
    for ask in asked:
        with suppress(ProvisionError):
            await ask()
