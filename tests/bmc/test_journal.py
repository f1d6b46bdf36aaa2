"""Sessions written down before use: what a crash leaves open, the next run closes."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.bmc.client import Access, Tls, connect
from provision.bmc.journal import Journal, Opened, journal, left_behind
from provision.sim.rack import SimServer
from tests.bmc.hostile import SESSION, TOKEN, HostileBmc, Request, answer, reply

Reach = Callable[..., Access]
#: A controller that logs in, says so, and hangs.
HANGS = """
import asyncio, sys
from pathlib import Path
from provision.bmc.client import Access, Tls, connect
from provision.core.secrets import read_secret

async def main(url, user, password, ca_file):
    access = Access(url=url, user=user, password=read_secret(password), tls=Tls.CA,
                    ca_file=Path(ca_file))
    async with connect(access) as bmc:
        print(bmc.session, flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def reach(server: SimServer) -> Access:
    """How to reach a simulated server."""
    return Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
    )


async def hang(server: SimServer) -> tuple[asyncio.subprocess.Process, str]:
    """Start a controller in a process of its own; return it, and its session."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HANGS,
        *(server.url, server.user, str(server.password_file), str(server.ca_file)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdout
    return process, (await process.stdout.readline()).decode().strip()


async def test_a_killed_controller_leaves_no_session_for_ever(
    server: SimServer, state: Path
) -> None:
    """Killed without a word: the next connection closes its session, and no other one."""
    killed, lost = await hang(server)
    lives, kept = await hang(server)
    assert lost != kept
    bmc = server.url.removeprefix("https://")
    assert left_behind(bmc) == []
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    assert [each.path for each in left_behind(bmc)] == [lost]
    assert left_behind("another:443") == []
    foreign = server.bmc.access.login(server.user, server.password.reveal())
    async with connect(reach(server)) as client:
        numbers = {f"{SESSION}/{number}" for number in server.bmc.access.sessions}
        assert numbers == {kept, client.session, f"{SESSION}/{foreign.number}"}
    assert server.count("DELETE", lost) == 1
    assert server.count("DELETE", kept) == 0
    assert left_behind(bmc) == []
    lives.terminate()
    await lives.wait()
    for file in (state / "sessions").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_table_full_of_what_we_left_makes_room(server: SimServer) -> None:
    """When our own dead sessions are what fills it, they are closed by name and password."""
    killed, lost = await hang(server)
    killed.kill()
    await killed.wait()
    while len(server.bmc.access.sessions) < 8:
        server.bmc.access.login(server.user, server.password.reveal())
    async with connect(reach(server)) as client:
        assert client.session
    assert server.count("DELETE", lost) == 1


async def test_it_is_written_before_it_is_used(bmc: HostileBmc, access: Reach, state: Path) -> None:
    """The session stands in the file, without its token, before its first request."""
    seen: list[str] = []

    async def look(_request: Request) -> bytes:
        files = list((state / "sessions").iterdir())
        seen.extend(each.read_text() for each in files)
        return answer({"Members": []})

    bmc.on["GET", "/redfish/v1/Managers"] = look
    bmc.tree["/redfish/v1"]["Managers"] = {"@odata.id": "/redfish/v1/Managers"}
    async with connect(access()):
        pass
    assert len(seen) == 1
    assert f"{SESSION}/7" in seen[0]
    assert TOKEN not in seen[0]
    assert all(each.read_text() == "" for each in (state / "sessions").iterdir())


@pytest.mark.parametrize(
    "body",
    [
        {"UserName": "somebody"},
        {"UserName": "admin", "CreatedTime": "2026-01-02T00:00:00Z"},
        {},
    ],
)
async def test_a_number_given_to_somebody_else_is_left_alone(
    bmc: HostileBmc, access: Reach, state: Path, body: dict[str, str]
) -> None:
    """BMCs use the numbers of sessions again: only what still is ours is closed."""
    leave(state, bmc, created="2026-01-01T00:00:00Z")
    bmc.tree[f"{SESSION}/3"] = body
    async with connect(access()):
        pass
    assert bmc.count("DELETE", f"{SESSION}/3") == 0


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_what_cannot_be_closed_stops_nothing(
    bmc: HostileBmc, access: Reach, state: Path, status: int
) -> None:
    """Tidying up is beside the point of a run."""
    leave(state, bmc)
    bmc.on["GET", f"{SESSION}/3"] = reply(answer({}, status))
    async with connect(access()) as client:
        assert (await client.system())["PowerState"] == "Off"


async def test_a_path_that_leads_elsewhere_is_not_followed(
    bmc: HostileBmc, access: Reach, state: Path
) -> None:
    """What stands in the file is checked as every link is."""
    leave(state, bmc, path="https://203.0.113.9/x")
    async with connect(access()) as client:
        assert (await client.system())["PowerState"] == "Off"


def leave(state: Path, bmc: HostileBmc, path: str = f"{SESSION}/3", created: str = "") -> None:
    """Write what a process that died would have left."""
    at = datetime.now(UTC).isoformat()
    dead = Journal(state / "sessions")
    where = f"127.0.0.1:{bmc.port}"
    dead.opened(Opened(bmc=where, path=path, user="admin", created=created, at=at))
    os.close(dead._fd)


async def test_a_disk_that_takes_no_note_is_no_reason_to_stop(
    bmc: HostileBmc, access: Reach, state: Path
) -> None:
    """The BMC ends a session that we cannot remember by itself, later."""
    state.mkdir()
    (state / "sessions").write_text("in the way")
    async with connect(access()) as client:
        assert (await client.system())["PowerState"] == "Off"


def test_torn_and_foreign_lines_do_not_count(tmp_path: Path) -> None:
    """A crash in the middle of a line loses that line."""
    at = datetime.now(UTC).isoformat()
    good = Opened(bmc="a:443", path="/s/1", user="u", at=at)
    old = Opened(bmc="a:443", path="/s/2", user="u", at="2020-01-01T00:00:00+00:00")
    dead = Journal(tmp_path)
    for each in (good, old):
        dead.opened(each)
    os.write(dead._fd, b'[]\n7\n{"close": 3}\n{"open": {"x": 1}}\n\xff\n{"open": {"bmc": "a:4')
    os.close(dead._fd)
    mine = Journal(tmp_path)
    assert mine.left_behind("a:443") == [good]
    assert mine.claim("a:443") == [good]
    assert mine.claim("a:443") == []
    assert Journal(tmp_path).left_behind("a:443") == []


def test_only_the_sessions_on_that_bmc_are_claimed(tmp_path: Path) -> None:
    """What was left on another BMC waits for the next visit there."""
    at = datetime.now(UTC).isoformat()
    dead = Journal(tmp_path)
    for name in ("a:443", "b:443"):
        dead.opened(Opened(bmc=name, path="/s/1", user="u", at=at))
    os.close(dead._fd)
    mine = Journal(tmp_path)
    assert [each.bmc for each in mine.claim("a:443")] == ["a:443"]
    assert [each.bmc for each in mine.left_behind("b:443")] == ["b:443"]
    assert mine.left_behind("a:443") == []


def test_a_fork_has_a_journal_of_its_own() -> None:
    """The file, and its lock, stay the parent's."""
    mine = journal()
    assert journal() is mine
    mine._pid = -1
    assert journal() is not mine
