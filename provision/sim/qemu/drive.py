"""The virtual CD drive of a virtual machine: an image is fetched whole, then put in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from provision.sim.media import MediaError, Slot, asking

_CHUNK: Final = 1024 * 1024
#: More than any hypervisor's installer has; a server that never stops sending has to be stopped.
LIMIT: Final = 16 * 1024**3

#: Puts the disc in ``Path`` into the drive of the machine that runs, or takes the disc out.
Changer = Callable[[Path | None], Awaitable[None]]


class Drive(Slot):
    """A drive whose disc is a file beside the machine's others."""

    def __init__(self, name: str, file: Path, change: Changer) -> None:
        super().__init__(name, ("CD", "DVD"))
        self._file, self._change = file, change

    @property
    def disc(self) -> Path | None:
        """The disc in the drive."""
        return self._file if self.inserted else None

    async def insert(self, url: str, *, write_protected: bool) -> None:
        """Fetch the image behind ``url`` and put it in. Raises ``MediaError``."""
        parts = self._file.with_suffix(".part")
        try:
            await _fetch(url, parts)
            parts.replace(self._file)
        except OSError as error:
            raise MediaError(f"{url}: no place for it: {error.strerror}") from error
        finally:
            parts.unlink(missing_ok=True)
        await self._change(self._file)
        self.image, self.write_protected = url, True  # a CD is never written to

    async def eject(self) -> None:
        """Empty the drive."""
        await self._change(None)
        await super().eject()
        self._file.unlink(missing_ok=True)


async def _fetch(url: str, file: Path) -> None:
    count = 0
    async with asking("GET", url) as reply:
        if reply.status != 200:
            raise MediaError(f"{url} answered {reply.status}")
        with file.open("wb") as output:
            async for chunk in reply.content.iter_chunked(_CHUNK):
                count += len(chunk)
                if count > LIMIT:
                    raise MediaError(f"{url} never ends")
                output.write(chunk)
