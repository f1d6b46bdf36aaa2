"""The entries of a BMC's logs, page by page, within bounds.

BMCs write their logs oldest first or newest first, in one page or in many, and whole logs can take
minutes to read. So a bounded part is read, at the end where the newest are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from provision.bmc import address as addresses
from provision.bmc.errors import UNTOLD, BmcError
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import integer, text
from provision.core.secrets import redact
from provision.core.text import clean

#: Severities as Redfish has them, mildest first.
SEVERITIES: Final = ("OK", "Warning", "Critical")
MOST_PAGES: Final = 10
MOST_ENTRIES: Final = 1000
#: Entries that have to be fetched one by one, where a collection only links to them.
MOST_FETCHED: Final = 100
_LONGEST: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log service."""

    path: str
    id: str
    name: str
    entries: str
    clear_action: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry; ``at`` is None where the BMC does not say when in a way that can be read."""

    log: str
    id: str
    at: datetime | None
    severity: str
    message: str
    kind: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the entry as ``--output json`` prints it."""
        return {
            "log": self.log,
            "id": self.id,
            "at": self.at.isoformat() if self.at else None,
            "severity": self.severity or None,
            "message": self.message,
            "type": self.kind or None,
        }


class Pages:
    """The entries of one log, page by page."""

    def __init__(self, bmc: Bmc, log: Log) -> None:
        self._bmc = bmc
        self._log = log
        self._fetched = 0

    async def newest(self) -> tuple[list[Entry], int]:
        """Return entries, among them the newest; and how many there are, where not all were read.

        The number is that of the BMC, 0 where all of them were read.
        """
        first = await self._bmc.get(self._log.entries)
        entries = await self._entries(first)
        following = self._following(first)
        count = integer(first, "Members@odata.count") or 0
        if following and count > MOST_ENTRIES and _oldest_first(entries):
            skipped = await self._from(count - MOST_ENTRIES)
            if skipped is not None:
                entries, following = skipped
        seen = {self._log.entries}
        while following and following not in seen and len(entries) < MOST_ENTRIES:
            if len(seen) >= MOST_PAGES:
                break
            seen.add(following)
            page = await self._bmc.get(following)
            entries += await self._entries(page)
            following = self._following(page)
        unique = list({(each.id, each.at, each.message): each for each in entries}.values())
        left = count - len(unique)
        return unique, count if (left > 0 and count < 10**9) else 0

    async def _from(self, start: int) -> tuple[list[Entry], str] | None:
        """Return the page that begins at ``start``; None where the BMC cannot skip."""
        joint = "&" if "?" in self._log.entries else "?"
        path = f"{self._log.entries}{joint}{urlencode({'$skip': start}, safe='$')}"
        try:
            page = await self._bmc.get(path)
        except BmcError:
            return None
        entries = await self._entries(page)
        return (entries, self._following(page)) if entries else None

    def _following(self, page: JsonObject) -> str:
        target = page.get("Members@odata.nextLink")
        if not isinstance(target, str):
            return ""
        return addresses.resource(target, self._bmc.address.authority)

    async def _entries(self, page: JsonObject) -> list[Entry]:
        """Return the entries of a page; those that are only links are fetched, some of them."""
        members = page.get("Members")
        members = members[:MOST_ENTRIES] if isinstance(members, list) else []
        bodies = [each for each in members if isinstance(each, dict)]
        whole = [each for each in bodies if set(each) != {"@odata.id"}]
        bare = [path for each in bodies if len(each) == 1 and (path := link({"": each}, ""))]
        bare = bare[: max(0, MOST_FETCHED - self._fetched)]
        self._fetched += len(bare)
        whole += [each for each in await together(_get(self._bmc, path) for path in bare) if each]
        return [_entry(self._log.id, each) for each in whole]


def _oldest_first(entries: list[Entry]) -> bool:
    times = [each.at for each in entries if each.at is not None]
    return len(times) > 1 and times[0] < times[-1]


def _entry(log: str, body: JsonObject) -> Entry:
    severity = text(body, "Severity") or text(body, "MessageSeverity") or ""
    return Entry(
        log=log,
        id=text(body, "Id") or "",
        at=_time(body),
        severity=next((s for s in SEVERITIES if s.lower() == severity.lower()), severity),
        message=_said(body),
        kind=text(body, "EntryType") or "",
    )


def _said(body: JsonObject) -> str:
    for name in ("Message", "MessageId", "Name"):
        value = body.get(name)
        if isinstance(value, str) and (words := clean(redact(value[: _LONGEST * 4]), _LONGEST)):
            return words
    return "(no message)"


def _time(body: JsonObject) -> datetime | None:
    for name in ("Created", "EventTimestamp"):
        value = body.get(name)
        if isinstance(value, str) and len(value) < 64:
            try:
                moment = datetime.fromisoformat(value.strip())
                # Without a zone, as some write it, it is the BMC's own time, which we do not know.
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
    return None


async def _get(bmc: Bmc, path: str) -> JsonObject:
    try:
        return await bmc.get(path)
    except UNTOLD:
        return {}
