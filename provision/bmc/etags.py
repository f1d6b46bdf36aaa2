"""The tag of a resource's state, in the spellings that BMCs want back in ``If-Match``.

Most ask for none. Some insist on one (428, 412), and of those some accept the header's spelling
only, some the body's, some want it without ``W/`` or without quotes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hwprofiles.platforms.quirks import Quirks
from provision.bmc.replies import Reply

#: What says that a change wants a tag, or another one. Nothing was changed by such a request.
WANTED: Final = frozenset({412, 428})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When ``If-Match`` is sent with a change: once it is asked for, always, or never."""

    always: bool = False
    never: bool = False
    in_body: bool = False

    def with_tag(self, body: dict[str, object], tag: str) -> dict[str, object]:
        """Return what to send: a few BMCs look for the tag in the body."""
        return {**body, "@odata.etag": tag} if self.in_body else body


def _header(reply: Reply) -> str:
    return reply.headers.get("ETag", "")


def _body(reply: Reply) -> str:
    tag = reply.body.get("@odata.etag")
    return tag if isinstance(tag, str) else ""


def _strong(tag: str) -> str:
    return tag.removeprefix("W/")


def _bare(tag: str) -> str:
    return _strong(tag).strip('"')


#: Spellings by name, the proper ones first.
_SPELLINGS: Final[Mapping[str, Callable[[Reply], str]]] = {
    "header": _header,
    "body": _body,
    "strong header": lambda reply: _strong(_header(reply)),
    "strong body": lambda reply: _strong(_body(reply)),
    "quoted once": lambda reply: f'"{bare}"' if (bare := _bare(reply.etag)) else "",
    "bare": lambda reply: _bare(reply.etag),
    "any": lambda reply: "*" if reply.etag else "",
}
_LONGEST: Final = 256


def spellings(reply: Reply, known: str = "") -> dict[str, str]:
    """Return the tags to try, by the name of the spelling; the one ``known`` to work first."""
    found: dict[str, str] = {}
    for name in sorted(_SPELLINGS, key=lambda each: each != known):
        tag = _SPELLINGS[name](reply)
        sendable = tag.isascii() and tag.isprintable() and len(tag) <= _LONGEST
        if tag and sendable and tag not in found.values():
            found[name] = tag
    return found


def policy(quirks: Quirks) -> Policy:
    """Return when a platform wants tags."""
    return Policy(always=quirks.etag_always, never=quirks.etag_never, in_body=quirks.etag_in_body)
