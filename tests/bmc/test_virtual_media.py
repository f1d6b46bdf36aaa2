"""Virtual media: the right drive, once, and really in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from provision.bmc import media_slots, tasks, virtual_media
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import BmcError, NotApplied, NotSupported
from provision.bmc.virtual_media import MediaWish
from provision.core.errors import ConfigError, Conflict
from provision.core.secrets import Secret
from provision.sim import faults, personalities
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer
from tests.bmc.platform_rack import reached

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


def take(bmc: HostileBmc, path: str, name: str, status: int = 204) -> list[dict[str, Any]]:
    """Let a drive insert what an action at ``path`` is told, and return what it was told."""
    told: list[dict[str, Any]] = []

    async def insert(request: Request) -> bytes:
        told.append(json.loads(request.body))
        image = told[-1].get("Image")
        bmc.tree[f"/redfish/v1/VM/{name}"] |= {"Inserted": image is not None, "Image": image}
        return answer(None, status)

    bmc.on["POST", path] = insert
    return told


URL = "http://10.0.0.1/a/xen.iso"


async def test_what_action_info_requires_is_sent(bmc: HostileBmc, access: Reach) -> None:
    """Parameters that a drive requires are sent, and no others; a protocol it lacks is refused."""
    info = "/redfish/v1/VM/A/Info"
    plant(bmc, drive("A"))
    insert = bmc.tree["/redfish/v1/VM/A"]["Actions"]["#VirtualMedia.InsertMedia"]
    insert["@Redfish.ActionInfo"] = info
    required = ("Image", "TransferProtocolType", "TransferMethod", "Inserted", "WriteProtected")
    bmc.tree[info] = {"Parameters": [{"Name": name, "Required": True} for name in required]}
    told = take(bmc, "/redfish/v1/VM/A/Insert", "A")
    async with connect(access()) as there:
        await virtual_media.insert(there, URL)
        bmc.tree["/redfish/v1/VM/A"] |= {"Inserted": False}
        bmc.tree[info]["Parameters"][1]["AllowableValues"] = ["NFS", "CIFS"]
        with pytest.raises(NotSupported, match="fetches by NFS, CIFS"):
            await virtual_media.insert(there, URL)
    assert told == [
        {
            "Image": URL,
            "TransferProtocolType": "HTTP",
            "TransferMethod": "Stream",
            "Inserted": True,
            "WriteProtected": True,
        }
    ]


async def test_credentials_of_the_image_server(bmc: HostileBmc, access: Reach) -> None:
    """They go to the BMC alone: what is told of the request hides the password."""
    plant(bmc, drive("A"))
    told = take(bmc, "/redfish/v1/VM/A/Insert", "A")
    wish = MediaWish(user="reader", password=Secret("im4ge-s3cret"), write_protected=True)
    async with connect(access()) as there:
        slot = await virtual_media.insert(there, "cifs://10.0.0.1/a/xen.iso", wish)
    assert told[0]["Password"] == "im4ge-s3cret"
    assert "im4ge-s3cret" not in json.dumps(slot.as_dict()) + repr(slot)


async def test_a_drive_by_name_and_a_stick(bmc: HostileBmc, access: Reach) -> None:
    """The drive that is named, or one that shows a stick; one that is not there is told of."""
    plant(bmc, drive("CD"), drive("Stick", MediaTypes=["USBStick"]), drive("CD2"))
    for name in ("CD2", "Stick"):
        take(bmc, f"/redfish/v1/VM/{name}/Insert", name)
    async with connect(access()) as there:
        assert (await virtual_media.insert(there, URL, MediaWish(drive="cd2"))).name == "CD2"
        assert (await virtual_media.insert(there, URL, MediaWish(kind="usb"))).name == "Stick"
        with pytest.raises(NotSupported, match="no drive X") as caught:
            await virtual_media.insert(there, URL, MediaWish(drive="X"))
    assert "CD, Stick, CD2" in caught.value.hint


@pytest.mark.parametrize(
    ("oem", "inserts", "ejects", "told"),
    [
        ("Hp", "#HpiLOVirtualMedia.InsertVirtualMedia", "#HpiLOVirtualMedia.EjectVirtualMedia", {}),
        (
            "Huawei",
            "#VirtualMedia.VmmControl",
            "#VirtualMedia.VmmControl",
            {"VmmControlType": "Connect"},
        ),
        (
            "xFusion",
            "#VirtualMedia.VmmControl",
            "#VirtualMedia.VmmControl",
            {"VmmControlType": "Connect"},
        ),
    ],
)
async def test_actions_of_a_vendors_own(  # noqa: PLR0917 - one column of the table each
    bmc: HostileBmc,
    access: Reach,
    oem: str,
    inserts: str,
    ejects: str,
    told: dict[str, str],
) -> None:
    """Where the standard's actions are missing, the platform's file says what to ask for."""
    bmc.tree["/redfish/v1"] |= {"Oem": {oem: {}}}
    actions = {inserts: {"target": "/redfish/v1/in"}, ejects: {"target": "/redfish/v1/out"}}
    plant(bmc, drive("CD", Actions={}, Oem={oem: {"Actions": actions}}))
    received = [take(bmc, "/redfish/v1/in", "CD"), take(bmc, "/redfish/v1/out", "CD")]
    async with connect(access()) as there:
        assert (await virtual_media.insert(there, URL)).name == "CD"
        assert [slot.name for slot in await virtual_media.eject(there)] == ["CD"]
    both = [each for told_ in received for each in told_]
    assert both[0] == told | {"Image": URL}
    assert both[1] == ({"VmmControlType": "Disconnect"} if told else {})


async def test_an_error_that_is_none(bmc: HostileBmc, access: Reach) -> None:
    """A drive that fails aloud and holds the image all the same: no second drive is filled."""
    plant(bmc, drive("A"), drive("B"))

    async def insert(_request: Request) -> bytes:
        bmc.tree["/redfish/v1/VM/A"] |= {"Inserted": True, "Image": URL}
        return answer({}, 500)

    bmc.on["POST", "/redfish/v1/VM/A/Insert"] = insert
    async with connect(access()) as there:
        slot = await virtual_media.insert(there, URL)
    assert (slot.name, "HTTP 500" in slot.note) == ("A", True)
    assert bmc.count("POST", "/VM/") == 1


async def test_a_task_that_fails_is_told(bmc: HostileBmc, access: Reach) -> None:
    """A BMC that fetches in a task says there what went wrong; another drive is not tried."""
    plant(bmc, drive("A"), drive("B"))
    bmc.tree["/redfish/v1/T/1"] = {
        "@odata.type": "#Task.v1_0_0.Task",
        "TaskState": "Exception",
        "Messages": [{"Message": "The image cannot be mounted."}],
    }

    async def later(_request: Request) -> bytes:
        return answer({}, 202, Location="/redfish/v1/T/1")

    bmc.on["POST", "/redfish/v1/VM/A/Insert"] = later
    async with connect(access()) as there:
        with pytest.raises(tasks.TaskFailed, match="cannot be mounted"):
            await virtual_media.insert(there, URL)
    assert bmc.count("POST", "/VM/") == 1


#: Platforms where images are inserted by hand, or not at all.
BY_HAND = {"dell-idrac8", "fujitsu-irmc", "hpe-cray-ex", "supermicro-x10"}


@pytest.mark.parametrize("name", personalities.names())
async def test_media_of_every_platform(
    name: str, tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inserted into the right drive once, and ejected once; or refused, and nothing sent."""
    monkeypatch.setattr(virtual_media, "_BETWEEN_LOOKS", 0.05)
    async with reached(name, tmp_path) as (server, bmc):
        if name in BY_HAND or not media_able(bmc, await virtual_media.slots(bmc)):
            with pytest.raises(NotSupported):
                await virtual_media.insert(bmc, image)
            assert name in BY_HAND | {"hpe-ilo4"}
            assert changes(server) == 0
            return
        slot = await virtual_media.insert(bmc, image)
        assert slot.requests
        assert slot.image
        assert image in [each.image for each in server.machine.slots]  # as the host sees it
        before = changes(server)
        assert (await virtual_media.insert(bmc, image)).requests == ()
        assert changes(server) == before
        assert [gone.name for gone in await virtual_media.eject(bmc)] == [slot.name]
        assert not any(each.image for each in server.machine.slots)
        assert await virtual_media.eject(bmc) == []


def media_able(bmc: Bmc, found: list[virtual_media.Slot]) -> bool:
    """Whether any drive takes an image by URL."""
    return bool(media_slots.by_url(bmc, found))


def changes(server: SimServer) -> int:
    """How many requests tried to change virtual media."""
    return sum(
        each.method in ("POST", "PATCH") and "VirtualMedia" in each.path for each in server.requests
    )
