"""Virtual media of personalities: places, slots, actions and what they must be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.sim import demo_image
from tests.serving import served
from tests.sim.people import Person, person

pytestmark = pytest.mark.campaign

INSERT, EJECT = "VirtualMedia.InsertMedia", "VirtualMedia.EjectMedia"


@pytest.fixture
def iso(tmp_path: Path) -> Path:
    """A directory with an image that boots."""
    demo_image.write(tmp_path / "demo.iso", iso=True)
    return tmp_path


async def slots(bmc: Person, owner: str) -> list[str]:
    """Return the ids of the slots below the manager or the system; none where nothing is linked."""
    if "VirtualMedia" not in await bmc.get(owner):
        return []
    members = (await bmc.get(await bmc.link(owner, "VirtualMedia")))["Members"]
    return [member["@odata.id"].rsplit("/", 1)[-1] for member in members]


TEN = [*(f"EXT{n}" for n in range(1, 5)), *(f"Remote{n}" for n in range(1, 5)), "RDOC1", "RDOC2"]
#: Personality -> slots at the manager, and at what the system links to.
PLACES: dict[str, tuple[list[str], list[str]]] = {
    "dell-idrac8": (["RemovableDisk", "CD"], []),
    "dell-idrac9": (["RemovableDisk", "CD"], ["1", "2"]),
    "hpe-ilo5": (["1", "2"], []),
    "lenovo-xcc": (TEN, TEN),
    "supermicro-x13": ([f"VirtualMedia{n}" for n in (1, 2, 3)],) * 2,
    "supermicro-x10": ([], []),
    "ami-gigabyte": (["CD1"], []),
    "openbmc": (["Slot_0", "Slot_1"], []),
    "nvidia-gb200": (["USB2", "USB1"], []),
    "hpe-cray-ex": ([], []),
    "fujitsu-irmc": ([], []),
}


@pytest.mark.parametrize(("name", "told"), PLACES.items())
async def test_where_slots_are(name: str, told: tuple[list[str], list[str]]) -> None:
    """At the manager, at the system, at both, or nowhere that the standard knows."""
    async with person(name) as bmc:
        assert await slots(bmc, bmc.manager) == told[0]
        assert await slots(bmc, bmc.system) == told[1]


#: Personality -> slot, and what has to go along with Image.
INSERTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dell-idrac9": ("CD", {}),
    "dell-idrac10": ("CD", {}),
    "hpe-ilo5": ("2", {}),
    "supermicro-x11": ("VirtualMedia1", {}),
    "supermicro-x13": ("VirtualMedia1", {"TransferProtocolType": "HTTP"}),
    "ami-gigabyte": ("CD1", {}),
    "ami-dgx": ("CD1", {"UserName": "none", "Password": "none"}),
    "cisco-cimc": ("CIMC_DVD", {}),
    "openbmc": ("Slot_1", {}),
    "nvidia-gb200": ("USB1", {}),
}


@pytest.mark.parametrize(("name", "told"), INSERTS.items())
async def test_inserted_booted_and_ejected(
    name: str, told: tuple[str, dict[str, Any]], iso: Path
) -> None:
    """What is inserted as the vendor wants it is what the machine boots."""
    async with person(name) as bmc, served(iso) as url:
        slot = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/{told[0]}"
        image = {"Image": f"{url}/demo.iso", **told[1]}
        if told[1]:
            assert (await bmc.act(slot, INSERT, {"Image": image["Image"]})).status == 400
        assert (await bmc.act(slot, INSERT, image)).status == 204
        assert (await bmc.get(slot))["Inserted"] is True
        await bmc.power("On")
        await bmc.until("Booting from Virtual CD")
        assert (await bmc.act(slot, EJECT, {})).status == 204
        assert not bmc.server.machine.slots[0].inserted


#: Personality -> slot, and Image while it is empty; "-": there is no such key.
EMPTY = {
    "dell-idrac9": ("CD", None),
    "hpe-ilo5": ("2", ""),
    "ami-gigabyte": ("CD1", "None"),
    "cisco-cimc": ("CIMC_DVD", "-"),
    "nvidia-gb200": ("USB1", "-"),
}


@pytest.mark.parametrize(("name", "told"), EMPTY.items())
async def test_image_of_an_empty_slot(name: str, told: tuple[str, str | None]) -> None:
    """Null, an empty text, the word None, or nothing at all."""
    async with person(name) as bmc:
        body = await bmc.get(f"{await bmc.link(bmc.manager, 'VirtualMedia')}/{told[0]}")
        assert body.get("Image", "-") == told[1]
        assert body["Inserted"] is False


async def test_lenovo_is_patched(iso: Path) -> None:
    """No actions: PATCH Image; the upload slots refuse it."""
    async with person("lenovo-xcc") as bmc, served(iso) as url:
        home = await bmc.link(bmc.manager, "VirtualMedia")
        slot = f"{home}/Remote1"
        assert "Actions" not in await bmc.get(slot)
        wanted = {"Image": f"{url}/demo.iso", "Inserted": True}
        assert (await bmc.write(f"{home}/RDOC1", wanted)).status == 400
        assert (await bmc.write(slot, wanted)).status == 200
        assert (await bmc.get(f"{bmc.system}/VirtualMedia/Remote1"))["Inserted"] is True
        await bmc.power("On")
        await bmc.until("Booting from Virtual CD")
        assert (await bmc.write(slot, {"Image": None})).status == 200
        assert (await bmc.get(slot))["Inserted"] is False


async def test_supermicro_keeps_the_image_and_hides_eject(iso: Path) -> None:
    """EjectMedia only while something is in; Image stays after it; Inserted is refused."""
    async with person("supermicro-x11") as bmc, served(iso) as url:
        slot = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/VirtualMedia1"
        assert f"#{EJECT}" not in (await bmc.get(slot))["Actions"]
        image = f"{url}/demo.iso"
        for more in ({"Inserted": True}, {"WriteProtected": True}):
            assert (await bmc.act(slot, INSERT, {"Image": image, **more})).status == 400
        assert (await bmc.act(slot, INSERT, {"Image": image})).status == 204
        assert f"#{EJECT}" in (await bmc.get(slot))["Actions"]
        assert (await bmc.act(slot, EJECT, {})).status == 204
        body = await bmc.get(slot)
        assert (body["Image"], body["Inserted"], body["ConnectedVia"]) == (
            image,
            False,
            "NotConnected",
        )


async def test_idracs_eject_is_seen_later(iso: Path) -> None:
    """Done at once, and Inserted all the same for a while."""
    async with person("dell-idrac9", scale=0.1) as bmc, served(iso) as url:
        slot = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/CD"
        await bmc.act(slot, INSERT, {"Image": f"{url}/demo.iso"})
        await bmc.act(slot, EJECT, {})
        assert (await bmc.get(slot))["Inserted"] is True
        while (await bmc.get(slot))["Inserted"]:
            assert not bmc.server.machine.slots[0].inserted


@pytest.mark.parametrize(
    ("name", "slot"),
    [("cisco-cimc", "KVM_DVD"), ("openbmc", "Slot_0"), ("dell-idrac8", "CD"), ("hpe-ilo4", "2")],
)
async def test_slots_that_nothing_can_be_put_into(name: str, slot: str) -> None:
    """For the vKVM alone, or OEM alone: there is no InsertMedia."""
    async with person(name) as bmc:
        uri = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/{slot}"
        assert "Actions" not in await bmc.get(uri)
        answer = await bmc.ask("POST", f"{uri}/Actions/{INSERT}", {"Image": "http://x/y.iso"})
        assert answer.status == 404


async def test_huaweis_one_action_answers_with_a_task_in_its_body(iso: Path) -> None:
    """VmmControl connects and disconnects; the body, not Location, names the task."""
    async with person("huawei-ibmc") as bmc, served(iso) as url:
        slot = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/CD"
        actions = (await bmc.get(slot))["Oem"]["Huawei"]["Actions"]
        target = actions["#VirtualMedia.VmmControl"]["target"]
        wanted = {"VmmControlType": "Connect", "Image": f"{url}/demo.iso"}
        answer = await bmc.ask("POST", target, wanted)
        assert answer.status == 202
        assert answer.headers["Location"].endswith("/Monitor")
        assert (await bmc.get(answer.body["@odata.id"]))["TaskState"] == "Completed"
        assert (await bmc.get(slot))["Inserted"] is True
        await bmc.ask("POST", target, {"VmmControlType": "Disconnect"})
        assert (await bmc.get(slot))["Inserted"] is False


async def test_x10_and_fujitsu_have_oem_virtual_media() -> None:
    """VM1/CfgCD with IsoConfig.Mount; ts_fujitsu's own resource."""
    async with person("supermicro-x10") as bmc:
        oem = await bmc.link(bmc.manager, "Oem", "Supermicro", "VirtualMedia")
        drive = (await bmc.get(oem))["Members"][0]["@odata.id"]
        assert "#IsoConfig.Mount" in (await bmc.get(drive))["Actions"]
    async with person("fujitsu-irmc") as bmc:
        oem = await bmc.link(bmc.system, "Oem", "ts_fujitsu", "VirtualMedia")
        assert oem == "/redfish/v1/Systems/0/Oem/ts_fujitsu/VirtualMedia"
        assert "CDImage" in await bmc.get(oem)


@pytest.mark.parametrize(("name", "slot"), [("dell-idrac9", "CD"), ("hpe-ilo5", "2")])
async def test_virtual_media_is_licensed(name: str, slot: str) -> None:
    """403 where the licence for more is missing."""
    async with person(name, licensed=False) as bmc:
        uri = f"{await bmc.link(bmc.manager, 'VirtualMedia')}/{slot}"
        answer = await bmc.act(uri, INSERT, {"Image": "http://127.0.0.1:9/x.iso"})
        assert answer.status == 403
        assert "licen" in answer.body["error"]["message"]


async def test_supermicros_bios_is_licensed() -> None:
    """OemLicenseNotPassed."""
    async with person("supermicro-x13", licensed=False) as bmc:
        answer = await bmc.write(await bmc.settings(), {"Attributes": {}})
        assert (answer.status, answer.message) == (403, "OemLicenseNotPassed")
