"""A tree of Redfish resources: each builds its body when asked, and knows what it accepts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.sim.messages import Json, Problem, Reply

if TYPE_CHECKING:
    from aiohttp import web

Body = Callable[[], Json]
Write = Callable[[Json], Awaitable[Reply]]
Patch = Callable[[Json], None]
Upload = Callable[["web.BaseRequest"], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What lies at one URI. ``public`` resources answer without credentials.

    Changing it needs the privilege ``needs``, or to be its ``owner``.
    """

    body: Body | None = None
    text: Callable[[], str] | None = None  # instead of JSON: the metadata document
    patch: Patch | None = None
    change: Write | None = None  # a PATCH, too: one that takes time, or answers in its own way
    post: Write | None = None
    upload: Upload | None = None  # instead of post: a body that is no JSON, read as it comes
    delete: Callable[[], None] | None = None
    needs: str = "ConfigureComponents"
    owner: str = ""
    public: bool = False
    public_post: bool = False

    @property
    def allow(self) -> str:
        """The value of the Allow header."""
        methods = ["GET", "HEAD"] if self.body or self.text else []
        methods += ["PATCH"] if self.patch or self.change else []
        methods += ["POST"] if self.post or self.upload else []
        methods += ["DELETE"] if self.delete else []
        return ", ".join(methods)


class Tree(dict[str, Resource]):
    """Resources by URI, written without a trailing slash."""

    def find(self, path: str) -> Resource:
        """Return the resource at ``path``, with or without a slash at its end, or refuse."""
        found = self.get(path.rstrip("/"))
        if found is None:
            raise Problem("ResourceMissingAtURI", path)
        return found


def link(uri: str) -> Json:
    """Return a reference to another resource."""
    return {"@odata.id": uri}


def links(uris: list[str]) -> list[object]:
    """Return references to other resources."""
    return [link(uri) for uri in uris]


def resource(uri: str, kind: str, name: str, **properties: object) -> Json:
    """Return a body: identity first; ``kind`` is a schema with its version, ``Bios.v1_2_3``."""
    schema = kind.split(".", maxsplit=1)[0]
    return {
        "@odata.id": uri,
        "@odata.type": f"#{kind}.{schema}",
        "Id": uri.rstrip("/").rsplit("/", 1)[-1],
        "Name": name,
        **properties,
    }


def collection(uri: str, schema: str, name: str, members: list[str]) -> Json:
    """Return the body of a collection."""
    return {
        "@odata.id": uri,
        "@odata.type": f"#{schema}Collection.{schema}Collection",
        "Name": name,
        "Members": links(members),
        "Members@odata.count": len(members),
    }


def etag(body: Json) -> str:
    """Return the ETag of a body: the same as long as it says the same."""
    return f'"{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]}"'


OK: Json = {"State": "Enabled", "Health": "OK"}
ABSENT: Json = {"State": "Absent"}
