"""How a BMC talks, apart from what lies in its tree: here as the standard wants it.

A personality has manners of its own. The service asks them at fixed points of every request, and
knows nothing of vendors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.sim.messages import Json, Problem, Reply
from provision.sim.tree import etag

if TYPE_CHECKING:
    from provision.sim.tree import Tree


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request as it came: ``path`` is the standard's spelling, ``raw`` the body's bytes."""

    method: str
    path: str
    body: Json = field(default_factory=dict)
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Manners:
    """The standard's."""

    def inward(self, path: str) -> str:
        """Return the standard's spelling of a URI that a client asks for."""
        return path

    def outward(self, reply: Reply) -> Reply:
        """Return an answer as it leaves the BMC."""
        return reply

    def admit(self, exchange: Exchange) -> None:
        """Refuse, by raising ``Problem``, what this BMC takes in no case."""

    def tag(self, body: Json, headers: Mapping[str, str]) -> str:
        """Return the ETag header that goes with ``body``; nothing: no header is sent."""
        return etag(body)

    def body_tag(self, body: Json) -> str:
        """Return what ``@odata.etag`` says; nothing: it is left out."""
        return etag(body)

    def match(self, body: Json, wanted: str) -> None:
        """Refuse a change whose If-Match is for something else than ``body``."""
        if wanted not in ("*", etag(body)):
            raise Problem("PreconditionFailed")

    def expand(self, tree: Tree, body: Json, query: Mapping[str, str]) -> Json:
        """Return ``body`` as the query wants it."""
        from provision.sim.queries import expand

        return expand(tree, body, query, self.body_tag)

    async def close(self) -> None:
        """End what the personality keeps running."""
