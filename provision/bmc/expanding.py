"""Collections in one request: ``$expand``, where a BMC says it can *and* was seen to.

What a service root promises is not what is served: some answer with the bare links, with members
cut short, or with an error. The first expanded answer is therefore compared with one of its members
read alone; a BMC that fails this once is asked without ``$expand`` from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from provision.bmc import address as addresses
from provision.bmc.errors import BadReply, BmcError
from provision.bmc.replies import JsonObject, Reply
from provision.bmc.values import at
from provision.core.errors import Timeout
from provision.core.text import clean

_log = logging.getLogger(__name__)

#: Members of one collection, and pages it comes in; the largest seen honest has 356 members.
MOST_MEMBERS: Final = 2000
MOST_PAGES: Final = 100
#: Bytes of one collection, all pages together.
MOST_BYTES: Final = 16 * 1024 * 1024
#: What a member has that was not expanded.
_BARE: Final = frozenset({"@odata.id", "@odata.type", "@odata.etag", "@odata.context"})

Read = Callable[[str], Awaitable[Reply]]


class Expanding:
    """What one BMC's ``$expand`` is worth."""

    def __init__(self, root: JsonObject, read: Read, authority: str) -> None:
        self._read = read
        self._authority = authority
        self._query = _query(at(root, "ProtocolFeaturesSupported", "ExpandQuery"))
        self._proven = False
        self._proving = asyncio.Lock()

    async def members(self, path: str) -> dict[str, JsonObject | None]:
        """Return the members of a collection by path, with their bodies where those came along."""
        if not path:
            return {}
        if self._query and not self._proven:
            async with self._proving:  # one compares for all
                return await self._members(path)
        return await self._members(path)

    async def _members(self, path: str) -> dict[str, JsonObject | None]:
        if not self._query or "?" in path:
            return await self.plain(path)
        try:
            found = await self._pages(f"{path}{self._query}")
            if not self._proven and any(found.values()):
                self._proven = await self._compare(found)
        except (BmcError, Timeout) as error:
            return await self._without(path, str(error))
        if found and not (self._proven and any(found.values())):
            _log.info("reading %s of %s: members are not whole", clean(path), self._authority)
            self._query = ""
        return found if self._proven else dict.fromkeys(found)

    async def _without(self, path: str, why: str) -> dict[str, JsonObject | None]:
        """Read the collection as it is; that this works shows that ``$expand`` does not."""
        found = await self.plain(path)
        if self._query:
            _log.info("doing without $expand at %s: %s", self._authority, why)
        self._query = ""
        return found

    async def plain(self, path: str) -> dict[str, JsonObject | None]:
        """Return the members of a collection without asking for more."""
        return await self._pages(path)

    async def _compare(self, found: dict[str, JsonObject | None]) -> bool:
        """Whether a member that came along has all that it has when it is read alone."""
        path, told = next((path, body) for path, body in found.items() if body)
        alone = (await self._read(path)).body
        return all(name in told for name in alone if not name.startswith("@odata."))

    async def _pages(self, path: str) -> dict[str, JsonObject | None]:
        doing = f"reading {clean(path, 120)} at {self._authority}"
        found: dict[str, JsonObject | None] = {}
        seen: set[str] = set()
        size = 0
        while path and path not in seen:
            seen.add(path)
            page = await self._read(path)
            size += page.size
            for member, body in self._listed(page.body):
                found[member] = body
            if len(seen) > MOST_PAGES or len(found) > MOST_MEMBERS or size > MOST_BYTES:
                raise BadReply(f"{doing}: it does not end")
            following = page.body.get("Members@odata.nextLink")
            path = self._own(following) if isinstance(following, str) else ""
        return found

    def _listed(self, page: JsonObject) -> Iterator[tuple[str, JsonObject | None]]:
        listed = page.get("Members")
        for member in listed if isinstance(listed, list) else []:
            target = member.get("@odata.id") if isinstance(member, dict) else None
            if isinstance(target, str):
                whole = not _BARE.issuperset(member)
                yield self._own(target), member if whole else None

    def _own(self, target: str) -> str:
        return addresses.resource(target, self._authority)


def _query(told: Any) -> str:
    """Return how the BMC says that it expands members; empty where it does not."""
    if not isinstance(told, dict):
        return ""
    how = "." if told.get("NoLinks") is True else "*" if told.get("ExpandAll") is True else ""
    levels = "($levels=1)" if told.get("Levels") is True else ""
    return f"?$expand={how}{levels}" if how else ""
