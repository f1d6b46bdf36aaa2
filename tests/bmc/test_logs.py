"""Logs: newest first, within bounds, safe to print; emptied once and only when asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provision.bmc import log_pages, logs
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied, NotSupported
from provision.bmc.logs import Wanted
from provision.core.errors import Conflict
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer, reply

Reach = Callable[..., Access]
SERVICES = f"{SYSTEM}/LogServices"
LOG = f"{SERVICES}/SEL"
ENTRIES = f"{LOG}/Entries"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(logs, "_BETWEEN_LOOKS", 0.01)


def entry(number: int, **more: object) -> dict[str, Any]:
    """An entry as BMCs write it; higher numbers are newer."""
    at = (START + timedelta(minutes=number)).isoformat()
    return {
        "@odata.id": f"{ENTRIES}/{number}",
        "Id": str(number),
        "Created": at,
        "Severity": "OK",
        "Message": f"event {number}",
        **more,
    }


def plant(bmc: HostileBmc, **entries: object) -> None:
    """Give the BMC a log whose entries resource says this."""
    bmc.tree[SYSTEM]["LogServices"] = {"@odata.id": SERVICES}
    bmc.tree[SERVICES] = {"Members": [{"@odata.id": LOG}]}
    clear = {"#LogService.ClearLog": {"target": f"{LOG}/Clear"}}
    bmc.tree[LOG] = {"Id": "SEL", "Entries": {"@odata.id": ENTRIES}, "Actions": clear}
    bmc.tree[ENTRIES] = entries


async def test_newest_first_and_what_is_wanted(client: Bmc) -> None:
    """In order of time; --since, --severity and the limit each leave out the rest."""
    found = await logs.read(client, Wanted())
    times = [each.at for each in found.entries]
    assert len(times) == 4
    assert times == sorted(times, key=lambda at: at or START, reverse=True)
    worse = await logs.read(client, Wanted(severity="Warning"))
    assert [each.severity for each in worse.entries] == ["Critical", "Warning"]
    recent = await logs.read(client, Wanted(since=datetime.now(UTC) - timedelta(hours=3), limit=1))
    assert len(recent.entries) == 1
    with pytest.raises(NotSupported, match="it has Log"):
        await logs.read(client, Wanted(logs=("SEL",)))


async def test_cleared_once(server: SimServer, client: Bmc) -> None:
    """A dry run sends nothing, a clear one POST; what tells of the clearing may stay."""
    assert [each.sent for each in await logs.clear(client, dry_run=True)] == [False]
    assert server.count("POST", "ClearLog") == 0
    (done,) = await logs.clear(client)
    assert (done.before, done.after, done.sent) == (4, 1, True)
    assert server.count("POST", "ClearLog") == 1


async def test_faults_while_clearing(server: SimServer, client: Bmc) -> None:
    """Lied to: not applied. In conflict: told. Answer lost: looked up. Each was sent once."""
    server.faults.add(faults.lie("ClearLog", times=1))
    with pytest.raises(NotApplied, match="still there"):
        await logs.clear(client)
    server.faults.add(faults.conflict("ClearLog"))
    with pytest.raises(Conflict):
        await logs.clear(client)
    server.faults.add(faults.drop("ClearLog"))
    (done,) = await logs.clear(client)
    assert done.sent
    assert server.count("POST", "ClearLog") == 3


async def test_pages_are_followed_and_bounded(
    bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log without an end is read so far, and it is said that this was not all."""
    plant(bmc)
    count = 0

    async def page(_request: Request) -> bytes:
        nonlocal count
        count += 1
        following = f"{ENTRIES}/next{count}"
        bmc.on["GET", following] = page
        body = {"Members": [entry(count)], "Members@odata.count": 10**6}
        return answer(body | {"Members@odata.nextLink": following})

    bmc.on["GET", ENTRIES] = page
    async with connect(access()) as there:
        found = await logs.read(there, Wanted())
    assert len(found.entries) == log_pages.MOST_PAGES == count
    assert "of 1000000 entries" in found.notes[0]
    for target in (ENTRIES, "https://evil.example/x", "/x/../y"):  # to itself; elsewhere
        plant(bmc, **{"Members": [entry(1)], "Members@odata.nextLink": target})
        bmc.on.clear()
        async with connect(access()) as there:
            found = await logs.read(there, Wanted())
        assert len(found.entries) == (1 if target == ENTRIES else 0)


async def test_a_long_log_is_read_at_its_end(bmc: HostileBmc, access: Reach) -> None:
    """Oldest first and longer than is read: the newest are asked for by $skip."""
    total = log_pages.MOST_ENTRIES + 500
    first = {"Members": [entry(1), entry(2)], "Members@odata.count": total}
    plant(bmc, **first, **{"Members@odata.nextLink": f"{ENTRIES}?$skip=2"})
    last = {"Members": [entry(total - 1), entry(total)], "Members@odata.count": total}
    bmc.on["GET", f"{ENTRIES}?$skip=500"] = reply(answer(last))
    async with connect(access()) as there:
        found = await logs.read(there, Wanted(limit=1))
    assert found.entries[0].message == f"event {total}"


async def test_entries_that_are_only_links(bmc: HostileBmc, access: Reach) -> None:
    """They are fetched, a hundred at most; one that is gone is left out."""
    numbers = range(1, 151)
    members = [{"@odata.id": f"{ENTRIES}/{number}"} for number in numbers]
    plant(bmc, **{"Members": members, "Members@odata.count": 150})
    bmc.tree |= {f"{ENTRIES}/{number}": entry(number) for number in numbers if number != 7}
    async with connect(access()) as there:
        found = await logs.read(there, Wanted(limit=1000))
    assert len(found.entries) == log_pages.MOST_FETCHED - 1
    assert found.notes


@pytest.mark.parametrize(
    "value",
    [None, 7, True, [], {}, [1], "", "\x1b]0;owned\x07\u202egnp.exe\n", "9" * 5000, "0000-99-99"],
)
async def test_absurd_entries(bmc: HostileBmc, access: Reach, value: object) -> None:
    """Every field may be nonsense: it is read, kept short, and safe to print."""
    names = ("Id", "Created", "Severity", "Message", "MessageId", "EntryType", "Name")
    plant(bmc, Members=[dict.fromkeys(names, value) | {"x": 1}, value, entry(3)])
    async with connect(access()) as there:
        found = await logs.read(there, Wanted())
        assert (await logs.read(there, Wanted(since=START))).entries[0].id == "3"
    assert found.entries[0].id == "3"
    for each in found.entries:
        assert all(str(word).isprintable() for word in each.as_dict().values())
        assert len(each.message) <= 1000
    for whole in (value, {"Members": value}):
        bmc.on["GET", ENTRIES] = reply(answer(whole))
        async with connect(access()) as there:
            await logs.read(there, Wanted())
