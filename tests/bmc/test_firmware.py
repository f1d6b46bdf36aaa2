"""Firmware: listed, planned from what the BMC advertises, sent once, judged by the versions."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from provision.bmc import firmware, firmware_plan, firmware_update, tasks
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import Busy, NotApplied, NotSupported
from provision.bmc.firmware import Component
from provision.bmc.firmware_plan import Wanted
from provision.bmc.firmware_update import NotSentWhole, update
from provision.bmc.tasks import TaskFailed, TaskUnfinished
from provision.core.errors import ConfigError, Conflict, ImageError, OutcomeUnknown
from provision.core.events import Event
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc import hostile
from tests.bmc.hostile import HostileBmc, Request, answer, reply

Reach = Callable[..., Access]
SERVICE = "/redfish/v1/UpdateService"
INVENTORY = f"{SERVICE}/FirmwareInventory"
SIMPLE = f"{SERVICE}/Actions/UpdateService.SimpleUpdate"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(tasks, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(tasks, "_SHORTEST", 0.05)
    monkeypatch.setattr(firmware_update, "_BETWEEN_LOOKS", 0.05)


def image(folder: Path, line: str = "BIOS 2.0.0", size: int = 3 * MIB) -> Path:
    """An image for the simulated server, mostly a hole."""
    path = folder / "bios.bin"
    with path.open("wb") as file:
        file.write(f"bareiron-firmware {line}\n".encode())
        file.truncate(size)
    return path


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """The address of such an image on a web server."""
    path = image(tmp_path)

    async def serve(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    app = web.Application()
    app.router.add_get("/bios.bin", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/bios.bin"
    await runner.cleanup()


async def test_the_list(client: Bmc) -> None:
    """Each part with its version and whether it can be updated."""
    found = {each.id: each for each in await firmware.components(client)}
    assert (found["BIOS"].version, found["BIOS"].updateable) == ("SIM 1.0.0", True)
    assert found["PSU1"].updateable is False


async def test_by_url(server: SimServer, client: Bmc, url: str) -> None:
    """One SimpleUpdate with the protocol the BMC allows; the new version is read back."""
    wanted = Wanted(url=url, targets=("bios",), version="2.0.0")
    planned = await firmware_plan.plan(client, wanted)
    assert planned.body["TransferProtocol"] == "HTTP"
    assert server.count("POST", "SimpleUpdate") == 0
    done = await update(client, wanted)
    assert [(each.id, each.old, each.new) for each in done.changes] == [
        ("BIOS", "SIM 1.0.0", "2.0.0")
    ]
    assert done.task is not None
    assert done.task.state == "Completed"
    assert not (await update(client, wanted)).sent  # it is so already
    assert server.count("POST", "SimpleUpdate") == 1


async def test_from_a_file(server: SimServer, client: Bmc, tmp_path: Path) -> None:
    """One form, told as it goes; the version is read back."""
    told: list[Event] = []
    wanted = Wanted(file=image(tmp_path), targets=("BIOS",))
    done = await update(client, wanted, observer=told.append)
    assert [each.new for each in done.changes] == ["2.0.0"]
    sent = [each for each in told if each.step == "upload"]
    assert (sent[-1].done, sent[-1].total) == (3 * MIB, 3 * MIB)
    assert any(each.step == "task" for each in told)
    assert server.count("POST", "UpdateService") == 1


async def test_a_task_that_fails(client: Bmc, tmp_path: Path) -> None:
    """The task's own words are the error; the versions are as they were."""
    with pytest.raises(TaskFailed, match="block 17"):
        await update(client, Wanted(file=image(tmp_path, "BIOS 3.0.0 fail")))
    with pytest.raises(TaskFailed, match="no firmware for this machine"):
        await update(client, Wanted(file=image(tmp_path, "TOASTER 3.0.0")))


async def test_a_task_without_end(client: Bmc, tmp_path: Path) -> None:
    """It ends at our deadline, with an error of its own."""
    with pytest.raises(TaskUnfinished):
        await update(client, Wanted(file=image(tmp_path, "BIOS 3.0.0 hang")), wait=1)


async def test_a_lost_answer_is_looked_up(server: SimServer, client: Bmc, tmp_path: Path) -> None:
    """The task that came up is followed; the image is not sent again."""
    server.faults.add(faults.drop("upload"))
    done = await update(client, Wanted(file=image(tmp_path)))
    assert [each.new for each in done.changes] == ["2.0.0"]
    assert server.count("POST", "UpdateService") == 1


async def test_lost_and_nothing_to_see(server: SimServer, client: Bmc, url: str) -> None:
    """No answer, no task, no other version: unknown, and not sent again."""
    server.faults.add(faults.lie("SimpleUpdate", times=1), faults.drop("SimpleUpdate"))
    with pytest.raises(OutcomeUnknown):
        await update(client, Wanted(url=url))
    assert server.count("POST", "SimpleUpdate") == 1


async def test_refused(server: SimServer, client: Bmc, url: str, tmp_path: Path) -> None:
    """Busy and in conflict: told, after one request each."""
    server.faults.add(faults.busy("SimpleUpdate", retry_after=0))
    with pytest.raises(Busy):
        await update(client, Wanted(url=url))
    server.faults.add(faults.conflict("SimpleUpdate"), faults.conflict("upload"))
    with pytest.raises(Conflict):
        await update(client, Wanted(url=url))
    with pytest.raises((Conflict, OutcomeUnknown, NotSentWhole)):
        await update(client, Wanted(file=image(tmp_path, size=1 << 16)))
    assert (server.count("POST", "SimpleUpdate"), server.count("POST", "upload")) == (2, 1)


async def test_a_lie(server: SimServer, client: Bmc, url: str) -> None:
    """Yes, and nothing happens: said so, or an error where a version was expected."""
    server.faults.add(faults.lie("SimpleUpdate", times=2))
    done = await update(client, Wanted(url=url))
    assert (done.task, done.changes) == (None, ())
    assert any("no version has changed" in note for note in done.notes)
    with pytest.raises(NotApplied, match=r"SIM 1\.0\.0 instead of 2\.0\.0"):
        await update(client, Wanted(url=url, targets=("BIOS",), version="2.0.0"))
    assert server.count("POST", "SimpleUpdate") == 2


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(url="bios.bin"),
        Wanted(url="/srv/bios.bin"),
        Wanted(url="file:///bios.bin"),
        Wanted(url="http://[::1"),
        Wanted(url="http://x\r\ny/z"),
        Wanted(url="http://me:s3cret-x@10.0.0.1/x"),
        Wanted(file=Path("/nowhere/bios.bin")),
        Wanted(file=Path("/dev/zero")),
        Wanted(url="http://10.0.0.1/x", targets=("TOASTER",)),
        Wanted(),
    ],
)
async def test_what_cannot_be_meant(server: SimServer, client: Bmc, wanted: Wanted) -> None:
    """Refused before anything is sent; no password of an address is repeated."""
    with pytest.raises(ConfigError) as caught:
        await update(client, wanted)
    assert "s3cret-x" not in str(caught.value)
    assert server.count("POST", "UpdateService") == 0


def plant(bmc: HostileBmc, **about: object) -> None:
    """Give the BMC an update service that says this."""
    bmc.tree["/redfish/v1"]["UpdateService"] = {"@odata.id": SERVICE}
    bmc.tree[SERVICE] = {"FirmwareInventory": {"@odata.id": INVENTORY}, **about}
    bmc.tree.setdefault(INVENTORY, {"Members": []})


def simple(**more: object) -> dict[str, Any]:
    """The action that fetches an image."""
    return {"Actions": {"#UpdateService.SimpleUpdate": {"target": SIMPLE, **more}}}


async def test_what_the_bmc_cannot(bmc: HostileBmc, access: Reach, tmp_path: Path) -> None:
    """Each refusal says what would do instead."""
    link, file = Wanted(url="http://10.0.0.1/x"), Wanted(file=image(tmp_path))
    late = Wanted(url="http://10.0.0.1/x", apply_time="OnReset")
    protocols = {"TransferProtocol@Redfish.AllowableValues": ["NFS", "HTTPS"]}
    for about, wanted, word in [
        ({}, link, "--file"),
        ({}, file, "--image"),
        (simple(**protocols), link, "Serve the image"),
        (simple(), late, "apply-time"),
        ({"ServiceEnabled": False}, link, ""),
        ({"HttpPushUri": "/push"}, Wanted(file=file.file, targets=("A",)), "--target"),
    ]:
        plant(bmc, **about)
        bmc.tree[INVENTORY] = {"Members": [{"@odata.id": f"{INVENTORY}/A"}]}
        async with connect(access()) as there:
            with pytest.raises(NotSupported) as caught:
                await firmware_plan.plan(there, wanted)
        assert word in caught.value.hint
    plant(bmc, MultipartHttpPushUri="/push", MaxImageSizeBytes=MIB)
    async with connect(access()) as there:
        with pytest.raises(ImageError, match=r"takes 1\.0 MiB"):
            await firmware_plan.plan(there, file)
    assert bmc.count("POST", SERVICE) == 0


async def test_action_info_and_apply_time(bmc: HostileBmc, access: Reach) -> None:
    """What the action does not list itself is found in its ActionInfo."""
    support = {"SupportedValues": ["Immediate", "OnReset"]}
    info = {"@Redfish.ActionInfo": f"{SERVICE}/Info"}
    plant(bmc, **simple(**info, **{"@Redfish.OperationApplyTimeSupport": support}))
    parameter = {"Name": "TransferProtocol", "AllowableValues": ["CIFS"]}
    bmc.tree[f"{SERVICE}/Info"] = {"Parameters": [7, None, parameter]}
    async with connect(access()) as there:
        plan = await firmware_plan.plan(there, Wanted(url="smb://host/x", apply_time="OnReset"))
    assert plan.body == {
        "ImageURI": "smb://host/x",
        "TransferProtocol": "CIFS",
        "@Redfish.OperationApplyTime": "OnReset",
    }


async def test_a_bare_push(bmc: HostileBmc, access: Reach, tmp_path: Path) -> None:
    """Where there are no forms the file is the body, with its length; nothing is chunked."""
    plant(bmc, HttpPushUri=f"{SERVICE}/push")
    async with connect(access()) as there:
        done = await update(there, Wanted(file=image(tmp_path, size=70_000)))
    (sent,) = [each for each in bmc.requests if each.path == f"{SERVICE}/push"]
    assert sent.headers["content-length"] == "70000" == str(len(sent.body))
    assert sent.headers["content-type"] == "application/octet-stream"
    assert "named no task" in done.notes[0]


async def test_a_form(bmc: HostileBmc, access: Reach, tmp_path: Path) -> None:
    """Two parts as DMTF names them, with a length; a hostile file name stays harmless."""
    plant(bmc, MultipartHttpPushUri="/push")
    path = image(tmp_path, size=1000).rename(tmp_path / 'a"\r\nX: y.bin')
    async with connect(access()) as there:
        await update(there, Wanted(file=path))
    (sent,) = [each for each in bmc.requests if each.path == "/push"]
    assert int(sent.headers["content-length"]) == len(sent.body)
    assert b'name="UpdateParameters"' in sent.body
    assert b'name="UpdateFile"; filename="a___X__y.bin"' in sent.body


async def test_broken_in_the_middle(
    bmc: HostileBmc, access: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks before the end is told apart: the BMC never had the image."""
    plant(bmc, MultipartHttpPushUri="/push")
    large = image(tmp_path, size=64 * MIB)
    read, cut = hostile._read, 0

    async def reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        nonlocal cut
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST /push"):
            cut += 1
            return None  # which ends the connection
        reader._buffer[:0] = head  # type: ignore[attr-defined]
        return await read(reader, writer)

    monkeypatch.setattr(hostile, "_read", reading)
    async with connect(access()) as there:
        with pytest.raises(NotSentWhole, match=r"broke after .* of 64\.0 MiB"):
            await update(there, Wanted(file=large))
    assert cut == 1


async def test_a_large_file_is_not_held_in_memory(
    server: SimServer, client: Bmc, tmp_path: Path
) -> None:
    """256 MiB go through client and simulator, both in this process, in a few MiB of memory."""
    path = image(tmp_path, size=256 * MIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = await update(client, Wanted(file=path))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert [each.new for each in done.changes] == ["2.0.0"]
    assert grown < 32, f"{grown:.0f} MiB"


def test_versions_in_ids() -> None:
    """A component whose id holds its version is the same one under another id."""

    def part(path: str, version: str) -> Component:
        return Component(path=path, id=path[1:], name="NIC", version=version, software="1")

    before = (part("/Current-1.0__NIC", "1.0"), part("/B", "5"))
    (found,) = firmware.changes(before, [part("/Current-2.0__NIC", "2.0"), part("/B", "5")])
    assert (found.old, found.new) == ("1.0", "2.0")


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "\x1b[31m\u202e", "x" * 9999, [None]])
async def test_absurd_services(
    bmc: HostileBmc, access: Reach, tmp_path: Path, value: object
) -> None:
    """Every field may be nonsense: the list stands, and no plan comes of it but a refusal."""
    names = ("Id", "Name", "Version", "Updateable", "SoftwareId")
    bmc.tree[INVENTORY] = {"Members": [{"@odata.id": f"{INVENTORY}/a"}, value]}
    bmc.tree[f"{INVENTORY}/a"] = dict.fromkeys(names, value)
    plant(bmc, Actions=value, MultipartHttpPushUri=value, HttpPushUri=value, MaxImageSizeBytes=0)
    async with connect(access()) as there:
        (found,) = await firmware.components(there)
        assert all(str(each).isprintable() for each in found.as_dict().values())
        with pytest.raises(NotSupported):
            await firmware_plan.plan(there, Wanted(url="http://10.0.0.1/x"))
    plant(bmc, **simple(**{"@Redfish.ActionInfo": value, "Targets@Redfish.AllowableValues": value}))
    bmc.on["POST", SIMPLE] = reply(answer(value, 202))
    async with connect(access()) as there:
        assert (await update(there, Wanted(url="http://10.0.0.1/x"))).task is None


async def test_parts_that_will_not_tell(bmc: HostileBmc, access: Reach) -> None:
    """One component that errs does not spoil the list."""
    plant(bmc)
    bmc.tree[INVENTORY] = {"Members": [{"@odata.id": f"{INVENTORY}/{name}"} for name in "ab"]}
    bmc.tree[f"{INVENTORY}/a"] = {"Version": "1"}

    async def refuse(_request: Request) -> bytes:
        return answer({}, 500)

    bmc.on["GET", f"{INVENTORY}/b"] = refuse
    async with connect(access()) as there:
        found = await firmware.components(there)
    assert [each.version for each in found] == ["1", ""]
