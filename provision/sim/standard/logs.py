"""The manager's log: what a simulated BMC remembers of its life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.messages import REGISTRY, Json, Reply
from provision.sim.standard import uris
from provision.sim.standard.root import now, stamp
from provision.sim.tree import OK, Resource, Tree, collection, link, resource

_LOG: Final = f"{uris.LOGS}/Log"
_ENTRIES: Final = f"{_LOG}/Entries"
_CLEAR: Final = "LogService.ClearLog"
_CLEAR_URI: Final = f"{_LOG}/Actions/{_CLEAR}"
_MOST: Final = 256


@dataclass(frozen=True, kw_only=True)
class _Entry:
    number: int
    at: datetime
    severity: str
    message: str


#: Minutes before the rack was started, severity, message: the past every simulated BMC has.
_PAST: Final = (
    (4320, "OK", "The BMC has started."),
    (2880, "Warning", "Fan 3 turns slower than the others."),
    (60, "Critical", "Power supply 2 lost its input."),
    (58, "OK", "Power supply 2 has its input back."),
)


class _Book:
    """The entries, oldest first; each lies in the tree as long as it is in the book."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._entries: list[_Entry] = []
        start = datetime.now(UTC)
        for age, severity, message in _PAST:
            self._add(start - timedelta(minutes=age), severity, message)

    def _add(self, at: datetime, severity: str, message: str) -> None:
        number = self._entries[-1].number + 1 if self._entries else 1
        entry = _Entry(number=number, at=at, severity=severity, message=message)
        self._entries.append(entry)
        self._tree[_uri(entry)] = Resource(body=partial(_entry, entry))

    async def clear(self, body: Json) -> Reply:
        checks.parameters(_CLEAR, body, ["LogEntriesETag"])
        for entry in self._entries:
            del self._tree[_uri(entry)]
        self._entries = self._entries[-1:]  # the numbers go on
        self._add(datetime.now(UTC), "OK", "The log was cleared.")
        del self._entries[0]
        return Reply(status=204)

    def show(self) -> Json:
        """Return the collection with its members in full, as BMCs do it for logs."""
        members = [_entry(each) for each in self._entries]
        return collection(_ENTRIES, "LogEntry", "Log Entries", []) | {
            "Members": members,
            "Members@odata.count": len(members),
        }


def _uri(entry: _Entry) -> str:
    return f"{_ENTRIES}/{entry.number}"


def plant(bmc: Bmc) -> None:
    """Plant the log service and its entries."""
    tree = bmc.tree
    book = _Book(tree)
    tree[uris.LOGS] = Resource(
        body=lambda: collection(uris.LOGS, "LogService", "Log Services", [_LOG])
    )
    tree[_LOG] = Resource(body=_service)
    tree[_CLEAR_URI] = Resource(post=book.clear, needs="ConfigureManager")
    tree[_ENTRIES] = Resource(body=book.show)


def _service() -> Json:
    return resource(
        _LOG,
        "LogService.v1_7_0",
        "Event Log",
        ServiceEnabled=True,
        LogEntryType="Event",
        MaxNumberOfRecords=_MOST,
        OverWritePolicy="WrapsWhenFull",
        DateTime=now(),
        DateTimeLocalOffset="+00:00",
        Status=OK,
        Entries=link(_ENTRIES),
        Actions={f"#{_CLEAR}": {"target": _CLEAR_URI}},
    )


def _entry(entry: _Entry) -> Json:
    return resource(
        _uri(entry),
        "LogEntry.v1_17_0",
        f"Entry {entry.number}",
        EntryType="Event",
        Created=stamp(entry.at),
        Severity=entry.severity,
        Message=entry.message,
        MessageId=f"{REGISTRY}.Success",
    )
