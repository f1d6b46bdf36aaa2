"""Firmware files on their way to a BMC: streamed from disk, never held in memory.

A form tells its length beforehand: BMCs take no chunked bodies. What was read of the file is
counted, so that a connection that broke in the middle is told apart from one that broke at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from aiohttp import MultipartWriter, payload
from aiohttp.abc import AbstractStreamWriter

from provision.core.errors import ConfigError, ImageError
from provision.core.text import binary, clean

_CHUNK: Final = 256 * 1024
#: The slowest a BMC may take an upload, in bytes a second, and the time it has in any case.
_SLOWEST: Final = 128 * 1024
_LEAST_SECONDS: Final = 180.0
_NAME: Final = re.compile(r"[^A-Za-z0-9._+-]")

#: Told how many bytes of the file have been sent, and how many it has.
Sent = Callable[[int, int], None]


class Image:
    """A firmware file, opened once: what was checked is what is sent."""

    def __init__(self, file: BinaryIO, name: str, size: int) -> None:
        self._file = file
        #: Its name as BMCs are told it; some judge an image by the ending.
        self.name = _NAME.sub("_", name)[-120:] or "image"
        self.size = size
        #: Bytes that were handed to the connection so far.
        self.sent = 0

    @property
    def whole(self) -> bool:
        """Whether all of it was sent."""
        return self.sent >= self.size

    @property
    def seconds(self) -> float:
        """How long its upload may take."""
        return _LEAST_SECONDS + self.size / _SLOWEST

    async def chunks(self, writer: AbstractStreamWriter, sent: Sent) -> None:
        """Write the file; one that became shorter meanwhile is an error."""
        self._file.seek(0)
        self.sent = 0
        while self.sent < self.size:
            most = min(_CHUNK, self.size - self.sent)
            chunk = await asyncio.to_thread(self._file.read, most)
            if not chunk:
                raise OSError("the file became shorter while it was sent")
            await writer.write(chunk)
            self.sent += len(chunk)
            sent(self.sent, self.size)


@contextmanager
def opened(path: Path) -> Iterator[Image]:
    """Open a firmware file for sending; only a regular file that holds something will do."""
    doing = f"opening the firmware file {clean(path, 200)}"
    try:
        # Not blocking: a pipe nobody writes to would hang us here.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{doing}: {error.strerror}", hint="Check the name.") from error
    with os.fdopen(number, "rb", buffering=0) as file:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{doing}: it is no regular file", hint="Give a file on disk.")
        if not about.st_size:
            raise ImageError(f"{doing}: it is empty", hint="Fetch it again from its maker.")
        yield Image(file, path.name, about.st_size)


class _File(payload.Payload):
    """The file as the part of a form, or as a body of its own."""

    _value: Image
    _autoclose = True

    def __init__(self, image: Image, sent: Sent) -> None:
        super().__init__(image, content_type="application/octet-stream")
        self._sent = sent

    @property
    def size(self) -> int:
        """Return its length, so that no body is sent in chunks."""
        return self._value.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: nobody may take the whole file for a string."""
        raise TypeError("a firmware file is streamed, and not decoded")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Stream the file."""
        await self._value.chunks(writer, self._sent)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Stream the file; its length is the content's."""
        await self.write(writer)


def multipart(image: Image, parameters: dict[str, Any], sent: Sent) -> MultipartWriter:
    """Return the form for ``MultipartHttpPushUri``: the parameters, then the file."""
    form = MultipartWriter("form-data")
    told = payload.BytesPayload(json.dumps(parameters).encode(), content_type="application/json")
    told.set_content_disposition("form-data", name="UpdateParameters")
    form.append_payload(told)
    file = _File(image, sent)
    file.set_content_disposition(
        "form-data", quote_fields=False, name="UpdateFile", filename=image.name
    )
    form.append_payload(file)
    return form


def bare(image: Image, sent: Sent) -> payload.Payload:
    """Return the body for ``HttpPushUri``: the file alone."""
    return _File(image, sent)


def told(image: Image) -> str:
    """Return how much was sent, in words."""
    return f"{binary(image.sent)} of {binary(image.size)}"
