"""Virtual media: the right drive, once, and really in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from provision.bmc import virtual_media
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import BmcError, NotApplied, NotSupported
from provision.core.errors import ConfigError, Conflict
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer

Reach = Callable[..., Access]
INSERT = "InsertMedia"


@pytest.fixture
async def image() -> AsyncIterator[str]:
    """The address of an image on a web server."""

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(4096))

    app = web.Application()
    app.router.add_get("/{name}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/xen.iso"
    await runner.cleanup()


async def test_in_and_out_again(server: SimServer, client: Bmc, image: str) -> None:
    """Inserted into the CD drive once, found there the second time, ejected once."""
    slot = await virtual_media.insert(client, image)
    assert (slot.name, slot.image, slot.takes_cd) == ("CD1", image, True)
    assert (await virtual_media.insert(client, image)).name == "CD1"
    assert server.count("POST", INSERT) == 1
    assert [gone.name for gone in await virtual_media.eject(client)] == ["CD1"]
    assert await virtual_media.eject(client) == []
    assert server.count("POST", "EjectMedia") == 1


async def test_a_drive_that_holds_another_image(client: Bmc, server: SimServer, image: str) -> None:
    """Somebody's image is not thrown out silently."""
    await virtual_media.insert(client, image)
    with pytest.raises(Conflict, match="CD1 holds") as caught:
        await virtual_media.insert(client, image + "2")
    assert "Eject" in caught.value.hint
    assert server.count("POST", INSERT) == 1


async def test_yes_without_a_medium(
    server: SimServer, client: Bmc, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A BMC that says yes and inserts nothing is found out."""
    monkeypatch.setattr(virtual_media, "_BETWEEN_LOOKS", 0.01)
    server.faults.add(faults.lie(INSERT))
    with pytest.raises(NotApplied, match="CD1 is empty"):
        await virtual_media.insert(client, image)


async def test_a_lost_answer_is_found_out(server: SimServer, client: Bmc, image: str) -> None:
    """Inserted, and the answer lost: the drive says so; it is not inserted twice."""
    server.faults.add(faults.drop(INSERT))
    assert (await virtual_media.insert(client, image)).image == image
    assert server.count("POST", INSERT) == 1


async def test_an_image_the_bmc_cannot_fetch(client: Bmc) -> None:
    """The BMC's own reason is passed on."""
    with pytest.raises(BmcError, match="failed to establish a connection"):
        await virtual_media.insert(client, "http://127.0.0.1:9/none.iso")


@pytest.mark.parametrize("url", ["xen.iso", "/srv/xen.iso", "file:///xen.iso", "http:///x", ""])
async def test_what_no_bmc_can_fetch(server: SimServer, client: Bmc, url: str) -> None:
    """A path on this machine is refused before the BMC is asked, with what to give instead."""
    with pytest.raises(ConfigError, match="no address") as caught:
        await virtual_media.insert(client, url)
    assert "http" in caught.value.hint
    assert server.count("POST", INSERT) == 0


async def test_a_password_in_the_address_is_refused(client: Bmc) -> None:
    """It would end up in logs, ours and the BMC's; the error does not repeat it."""
    with pytest.raises(ConfigError) as caught:
        await virtual_media.insert(client, "http://me:s3cret-x@127.0.0.1/x.iso")
    assert "s3cret-x" not in str(caught.value)


def drive(name: str, **more: object) -> dict[str, object]:
    """A virtual drive as BMCs show it."""
    path = f"/redfish/v1/VM/{name}"
    actions = {
        f"#VirtualMedia.{act}Media": {"target": f"{path}/{act}"} for act in ("Insert", "Eject")
    }
    return {
        "Id": name,
        "MediaTypes": ["CD"],
        "Inserted": False,
        "Image": "",
        "Actions": actions,
        **more,
    }


def plant(bmc: HostileBmc, *drives: dict[str, object]) -> None:
    """Let the BMC have these drives."""
    bmc.tree[SYSTEM]["VirtualMedia"] = {"@odata.id": "/redfish/v1/VM"}
    paths = [f"/redfish/v1/VM/{each['Id']}" for each in drives]
    bmc.tree["/redfish/v1/VM"] = {"Members": [{"@odata.id": path} for path in paths]}
    bmc.tree |= dict(zip(paths, drives, strict=True))


async def test_a_drive_that_refuses_is_passed_over(bmc: HostileBmc, access: Reach) -> None:
    """Some drives serve only the remote console; the next one is tried."""
    plant(bmc, drive("stick", MediaTypes=["USBStick"]), drive("A"), drive("B"))

    async def refuse(_request: Request) -> bytes:
        return answer({}, 405)

    async def take(_request: Request) -> bytes:
        bmc.tree["/redfish/v1/VM/B"] |= {"Inserted": True, "Image": "xen.iso"}
        return answer({})

    bmc.on["POST", "/redfish/v1/VM/A/Insert"] = refuse
    bmc.on["POST", "/redfish/v1/VM/B/Insert"] = take
    async with connect(access()) as there:
        slot = await virtual_media.insert(there, "http://10.0.0.1/xen.iso")
    assert slot.name == "B"  # which shows the file's name alone


async def test_no_drive_at_all(bmc: HostileBmc, access: Reach) -> None:
    """No drives, none for CDs, none with an action: not supported, nothing sent."""
    for drives in ([], [drive("stick", MediaTypes=["USBStick"])], [drive("A", Actions=None)]):
        plant(bmc, *drives)
        async with connect(access()) as there:
            with pytest.raises(NotSupported):
                await virtual_media.insert(there, "http://10.0.0.1/xen.iso")
    assert bmc.count("POST", "/VM/") == 0


async def test_drives_at_the_manager(bmc: HostileBmc, access: Reach) -> None:
    """An empty or missing collection at the system leads to the manager's."""
    plant(bmc, drive("CD1", MediaTypes=None))
    bmc.tree[SYSTEM]["Links"] = {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/1"}]}
    bmc.tree["/redfish/v1/Managers/1"] = {"VirtualMedia": bmc.tree[SYSTEM].pop("VirtualMedia")}
    for linked in (None, "/redfish/v1/Empty", "/redfish/v1/Missing"):
        bmc.tree[SYSTEM]["VirtualMedia"] = {"@odata.id": linked}
        bmc.tree["/redfish/v1/Empty"] = {"Members": []}
        async with connect(access()) as there:
            (slot,) = await virtual_media.slots(there)
        assert slot.takes_cd  # by its name, as this BMC does not tell


async def test_an_eject_that_takes_time(
    bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eject is looked at until it is so; a drive is named, or all that hold an image."""
    monkeypatch.setattr(virtual_media, "_BETWEEN_LOOKS", 0.02)
    plant(bmc, drive("A", Inserted=True, Image="http://x/a.iso"), drive("B"))

    async def eject(_request: Request) -> bytes:
        later = {"Inserted": False, "Image": "http://x/a.iso"}  # some keep the name
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, lambda: bmc.tree["/redfish/v1/VM/A"].update(later))
        return answer({})

    bmc.on["POST", "/redfish/v1/VM/A/Eject"] = eject
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="no drive Z"):
            await virtual_media.eject(there, "Z")
        assert [slot.name for slot in await virtual_media.eject(there, "a")] == ["A"]
