"""Virtual media of the simulated BMC: images are URLs that really have to answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.sim import Rack, demo_image
from tests.serving import served
from tests.sim.client import CD, SYSTEM, USB, Answer, Client, client, image


async def insert(bmc: Client, slot: str, url: str, **more: object) -> Answer:
    """Ask the BMC to insert ``url``."""
    action = f"{slot}/Actions/VirtualMedia.InsertMedia"
    return await bmc.ask("POST", action, {"Image": url, **more})


async def test_a_cd_is_inserted_booted_and_ejected(rack: Rack, tmp_path: Path) -> None:
    """The firmware fetches the image at boot; the slot looks the same from both places."""
    demo_image.write(tmp_path / "demo.iso", iso=True)
    server = rack.servers[1]
    async with client(server) as bmc, served(tmp_path) as url:
        assert (await insert(bmc, CD, f"{url}/demo.iso", Inserted=True)).status == 204
        for uri in (CD, f"{SYSTEM}/VirtualMedia/CD1"):
            slot = await bmc.get(uri)
            assert (slot["Inserted"], slot["ImageName"]) == (True, "demo.iso")
            assert slot["ConnectedVia"] == "URI"
        again = await insert(bmc, CD, f"{url}/demo.iso")
        assert (again.status, again.message) == (409, "ResourceInUse")
        await bmc.boot(target="Cd", enabled="Once")
        await bmc.reset("On")
        await bmc.until("Booting from Virtual CD", "hypervisor up")
        eject = await bmc.ask("POST", f"{CD}/Actions/VirtualMedia.EjectMedia", {})
        assert eject.status == 204
        slot = await bmc.get(CD)
        assert (slot["Inserted"], slot["Image"]) == (False, None)


async def test_each_drive_boots_what_belongs_into_it(rack: Rack, tmp_path: Path) -> None:
    """A disk image is no CD; as a virtual stick it boots."""
    (tmp_path / "disk.img").write_bytes(image("virtual"))
    async with client(rack.servers[1]) as bmc, served(tmp_path) as url:
        await insert(bmc, CD, f"{url}/disk.img")
        assert "Virtual CD: no boot signature" in await bmc.boots()
        await insert(bmc, USB, f"{url}/disk.img")
        await bmc.boot(target="Usb", enabled="Once")
        assert "\nvirtual\n" in await bmc.boots()


async def test_an_image_that_went_away_does_not_boot(rack: Rack, tmp_path: Path) -> None:
    """What was there at the insertion is read again at the boot."""
    demo_image.write(tmp_path / "demo.iso", iso=True)
    async with client(rack.servers[1]) as bmc:
        async with served(tmp_path) as url:
            await insert(bmc, CD, f"{url}/demo.iso")
        shown = await bmc.boots()
        assert "Virtual media CD1: read error" in shown
        assert "No bootable device" in shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/tmp/demo.iso", "ActionParameterValueFormatError"),  # noqa: S108 - a path, not a file
        ("file:///etc/passwd", "ActionParameterValueFormatError"),
        ("nfs://host/demo.iso", "ActionParameterValueFormatError"),
        ("http://127.0.0.1:9/demo.iso", "CouldNotEstablishConnection"),
        ("http://[/demo.iso", "ActionParameterValueFormatError"),
    ],
)
async def test_images_it_cannot_reach_are_refused(rack: Rack, url: str, message: str) -> None:
    """Never a file of the machine the simulator runs on; never a dead URL."""
    async with client(rack.servers[0]) as bmc:
        answer = await insert(bmc, CD, url)
        assert (answer.status, answer.message) == (400, message)
        assert (await bmc.get(CD))["Inserted"] is False


async def test_a_missing_image_is_refused(rack: Rack, tmp_path: Path) -> None:
    """A server that answers 404 has no image."""
    async with client(rack.servers[0]) as bmc, served(tmp_path) as url:
        assert (await insert(bmc, CD, f"{url}/none.iso")).status == 400
