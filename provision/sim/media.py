"""Virtual media of a simulated BMC: an image is a URL that really has to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

#: What is kept of an image: boot signatures and the boot script lie in here.
HEAD: Final = 1024 * 1024
#: What is read of an image at most; the rest of a larger one is taken on trust.
LIMIT: Final = 64 * 1024 * 1024
_HEADERS: Final = {"Accept-Encoding": "identity"}
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)


class MediaError(Exception):
    """The image behind a URL cannot be read."""


class Slot:
    """One virtual drive."""

    def __init__(self, name: str, types: tuple[str, ...]) -> None:
        self.name = name
        self.types = types
        self.image: str | None = None
        self.write_protected = True

    @property
    def inserted(self) -> bool:
        """Whether an image is in the drive."""
        return self.image is not None

    async def insert(self, url: str, *, write_protected: bool) -> None:
        """Put the image behind ``url`` into the drive, if it answers; a boot reads it."""
        await probe(url)
        self.image, self.write_protected = url, write_protected

    async def eject(self) -> None:
        """Empty the drive."""
        self.image = None
        self.write_protected = True


async def probe(url: str) -> None:
    """Ask for the image's size only; a server that does not know HEAD passes."""
    async with asking("HEAD", url) as reply:
        if reply.status not in (200, 405, 501):
            raise MediaError(f"{url} answered {reply.status}")


async def fetch(url: str) -> bytes:
    """GET ``url`` (no Range), read ``LIMIT`` bytes at most, return the first MiB."""
    async with asking("GET", url) as reply:
        if reply.status != 200:
            raise MediaError(f"{url} answered {reply.status}")
        return await _read(reply.content)


@asynccontextmanager
async def asking(method: str, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """Yield the reply of the image's server; what goes wrong on the way is a ``MediaError``."""
    try:
        # A BMC does not know our certificate authorities, and most verify nothing here.
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session,
            session.request(method, url, ssl=False, headers=_HEADERS) as reply,
        ):
            yield reply
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise MediaError(f"{url}: {error or type(error).__name__}") from error


async def _read(content: aiohttp.StreamReader) -> bytes:
    head = bytearray()
    count = 0
    async for chunk in content.iter_chunked(128 * 1024):
        head += chunk[: HEAD - len(head)]
        count += len(chunk)
        if count >= LIMIT:
            break
    return bytes(head)
