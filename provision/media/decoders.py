"""Unpacks gz, xz and zst, piece by piece, and notices a file cut short, or with more behind it.

Each decoder takes the stored bytes from a ``Stored`` and yields pieces of bounded size, so that a
few hostile bytes cannot fill the memory.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from provision.core.errors import MissingTool
from provision.media.errors import ImageDamaged
from provision.media.headers import LEAST_MEMBER, MANY_MEMBERS, ZstdFrames, too_many

#: Largest piece a decoder yields, and largest read of the stored file.
PIECE = 1 << 20
#: First slice of each member that a decompressor is fed.
SLICE = 4 << 10
#: Memory one decoder may take: `xz -9` needs 65 MiB, `zstd --long=27` 128 MiB.
MEMORY = 256 << 20
WINDOW = 1 << 27


class Format(StrEnum):
    """How an image is packed."""

    RAW = "raw"
    GZ = "gz"
    XZ = "xz"
    ZST = "zst"


class Stored:
    """The bytes of the file as it lies, read once, front to back, and hashed on the way."""

    def __init__(self, fd: int, *, digest: bool = True) -> None:
        self._fd = fd
        self._hash = hashlib.sha256() if digest else None
        self._follow: Callable[[bytes], None] | None = None
        self.position = 0

    def follow(self, listener: Callable[[bytes], None]) -> None:
        """Let ``listener`` see all bytes read from now on."""
        self._follow = listener

    def read(self, size: int = PIECE) -> bytes:
        """Return the next bytes; none at the end."""
        data = os.pread(self._fd, min(size, PIECE) if size > 0 else PIECE, self.position)
        self.position += len(data)
        if self._hash:
            self._hash.update(data)
        if self._follow:
            self._follow(data)
        return data

    def sha256(self) -> str:
        """Return the digest of the whole file, reading what has not been read."""
        if not self._hash:
            return ""
        while self.read():
            pass
        return self._hash.hexdigest()


def plain(stored: Stored) -> Iterator[bytes]:
    """Yield the bytes as they lie."""
    while data := stored.read():
        yield data


class _Feed:
    """The stored bytes in slices: small where a member begins, larger as it goes on.

    A decompressor copies what it did not use; with a million tiny members that must not be a MiB
    each time.
    """

    def __init__(self, kind: str, magic: bytes, stored: Stored) -> None:
        self._kind, self._magic, self._stored = kind, magic, stored
        self._data, self._at, self._size = b"", 0, SLICE
        self._members = self._content = 0

    def take(self) -> bytes:
        """Return the next slice; nothing at the end."""
        if self._at >= len(self._data):
            self._data, self._at = self._stored.read(), 0
        piece = self._data[self._at : self._at + self._size]
        self._at += len(piece)
        self._size = min(self._size * 2, PIECE)
        return piece

    def give_back(self, rest: bytes) -> None:
        """Take back the end of the last slice."""
        self._at -= len(rest)

    def _skip_zeros(self) -> None:
        while self._at < len(self._data) and not self._data[self._at]:
            piece = self._data[self._at : self._at + SLICE]
            self._at += len(piece) - len(piece.lstrip(b"\0"))

    def count(self, piece: bytes) -> None:
        """Take note of what was unpacked."""
        self._content += len(piece)

    def member(self) -> bool:
        """Move on to the next member, past zero padding; False at the end."""
        self._skip_zeros()
        while len(self._data) - self._at < len(self._magic):
            more = self._stored.read()
            if not more:
                break
            self._data, self._at = self._data[self._at :] + more, 0
            self._skip_zeros()
        if self._at >= len(self._data):
            return False
        if not self._data.startswith(self._magic, self._at):
            raise ImageDamaged(f"unpacking the image: something else follows the {self._kind} data")
        self._size = SLICE
        self._members += 1
        if self._members > MANY_MEMBERS and self._content < self._members * LEAST_MEMBER:
            raise too_many(self._kind, self._members)
        return True


def gunzip(stored: Stored) -> Iterator[bytes]:
    """Yield the content of a gzip file: its members, and nothing but zero padding after them."""
    feed = _Feed("gzip", b"\x1f\x8b", stored)
    while feed.member():
        engine = _inflater()
        while not engine.eof:
            data = feed.take()
            try:
                piece = engine.decompress(data, PIECE)
            except _inflate_errors() as error:
                raise _broken("gzip", stored, error) from error
            if not piece and not data:
                raise _short("gzip", stored)
            feed.give_back(engine.unused_data if engine.eof else engine.unconsumed_tail)
            feed.count(piece)
            if piece:
                yield piece


def unxz(stored: Stored) -> Iterator[bytes]:
    """Yield the content of an xz file: its streams, and nothing but zero padding after them."""
    feed = _Feed("xz", b"\xfd7zXZ\0", stored)
    while feed.member():
        engine = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY)
        while not engine.eof:
            data = feed.take() if engine.needs_input else b""
            if engine.needs_input and not data:
                raise _short("xz", stored)
            try:
                piece = engine.decompress(data, PIECE)
            except lzma.LZMAError as error:
                raise _broken("xz", stored, error) from error
            feed.count(piece)
            if piece:
                yield piece
        feed.give_back(engine.unused_data)


def unzstd(stored: Stored) -> Iterator[bytes]:
    """Yield the content of a zstd file: its frames, and nothing after them."""
    frames = ZstdFrames()
    stored.follow(frames.feed)
    reader, failure = _zstd_reader(stored)
    while True:
        try:
            piece = reader.read(PIECE)
        except (failure, EOFError) as error:
            raise _broken("zstd", stored, error) from error
        if not piece:
            break
        yield piece
    if not frames.complete:
        raise _short("zstd", stored)


DECODERS: dict[Format, Callable[[Stored], Iterator[bytes]]] = {
    Format.RAW: plain,
    Format.GZ: gunzip,
    Format.XZ: unxz,
    Format.ZST: unzstd,
}


def _inflater() -> Any:
    """Return isal's decompressor (three times as fast), or the one of the standard library."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompressobj(wbits=31)
    return isal_zlib.decompressobj(wbits=31)


def _inflate_errors() -> tuple[type[Exception], ...]:
    try:
        from isal import igzip_lib
    except ImportError:
        return (zlib.error,)
    # Its stub calls the class an instance.
    isal_error: Any = igzip_lib.IsalError
    return (zlib.error, isal_error)


def _zstd_reader(stored: Stored) -> tuple[Any, type[Exception]]:
    """Return a reader over all frames, and the error it raises on damaged data."""
    try:
        import zstandard
    except ImportError:
        return _zstd_of_the_library(stored)
    engine = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    reader = engine.stream_reader(stored, read_size=PIECE, read_across_frames=True)  # type: ignore[arg-type]
    return reader, zstandard.ZstdError


def _zstd_of_the_library(stored: Stored) -> tuple[Any, type[Exception]]:
    import importlib

    try:
        zstd = importlib.import_module("compression.zstd")  # Python 3.14
    except ImportError as error:
        raise MissingTool(
            "unpacking the image: it is packed with zstd, and zstandard is not installed",
            hint="pip install zstandard, or unpack the image with `zstd -d` first.",
        ) from error
    return zstd.ZstdFile(stored), zstd.ZstdError


def _broken(kind: str, stored: Stored, error: Exception) -> ImageDamaged:
    return ImageDamaged(
        f"unpacking the image: the {kind} data before byte {stored.position} is damaged ({error})"
    )


def _short(kind: str, stored: Stored) -> ImageDamaged:
    return ImageDamaged(
        f"unpacking the image: the {kind} data ends early, at byte {stored.position}"
    )
