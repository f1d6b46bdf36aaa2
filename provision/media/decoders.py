"""Unpacks gz, xz and zst, piece by piece, and notices a file cut short, or with more behind it.

Each decoder takes the stored bytes from a ``Stored`` and yields pieces of bounded size, so that a
few hostile bytes cannot fill the memory.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from provision.core.errors import MissingTool
from provision.media.errors import ImageDamaged

#: Largest piece a decoder yields, and largest read of the stored file.
PIECE = 1 << 20
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


def gunzip(stored: Stored) -> Iterator[bytes]:
    """Yield the content of a gzip file: its members, and nothing but zero padding after them."""
    data = stored.read()
    while data:
        engine = _inflater()
        while not engine.eof:
            data = data or stored.read()
            try:
                piece = engine.decompress(data, PIECE)
            except _inflate_errors() as error:
                raise _broken("gzip", stored, error) from error
            if not piece and not data:
                raise _short("gzip", stored)
            data = engine.unconsumed_tail
            if piece:
                yield piece
        data = _next_member("gzip", b"\x1f\x8b", engine.unused_data, stored)


def unxz(stored: Stored) -> Iterator[bytes]:
    """Yield the content of an xz file: its streams, and nothing but zero padding after them."""
    data = stored.read()
    while data:
        engine = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY)
        while not engine.eof:
            if engine.needs_input and not data:
                data = stored.read()
                if not data:
                    raise _short("xz", stored)
            try:
                piece = engine.decompress(data, PIECE)
            except lzma.LZMAError as error:
                raise _broken("xz", stored, error) from error
            data = b""
            if piece:
                yield piece
        data = _next_member("xz", b"\xfd7zXZ\0", engine.unused_data, stored)


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


class ZstdFrames:
    """Follows the frames and blocks of a zstd file (RFC 8878) without unpacking them.

    The streaming reader of ``zstandard`` takes a file cut in the middle of a frame for its end;
    this one does not.
    """

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0
        self._want = 4
        self._next: Callable[[bytes], None] = self._magic
        self._checksum = 0

    @property
    def complete(self) -> bool:
        """Whether the bytes so far end where a frame ends."""
        return self._next == self._magic and not self._held and not self._skip

    def feed(self, data: bytes) -> None:
        """Follow ``data``."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            take = min(self._want - len(self._held), len(data) - at)
            self._held += data[at : at + take]
            at += take
            if len(self._held) == self._want:
                held, self._held = self._held, b""
                self._next(held)

    def _expect(self, size: int, then: Callable[[bytes], None]) -> None:
        self._want, self._next = size, then

    def _magic(self, held: bytes) -> None:
        (magic,) = struct.unpack("<I", held)
        if magic == 0xFD2FB528:
            self._expect(1, self._descriptor)
        elif magic & 0xFFFFFFF0 == 0x184D2A50:
            self._expect(4, self._skippable)
        else:
            raise ImageDamaged("unpacking the image: something else follows the zstd data")

    def _skippable(self, held: bytes) -> None:
        self._skip = struct.unpack("<I", held)[0]
        self._expect(4, self._magic)

    def _descriptor(self, held: bytes) -> None:
        flags = held[0]
        single = flags >> 5 & 1
        dictionary = (0, 1, 2, 4)[flags & 3]
        content = (single, 2, 4, 8)[flags >> 6]
        self._checksum = 4 if flags & 4 else 0
        # The header is never empty: without a window byte there is a content size.
        self._expect((0 if single else 1) + dictionary + content, self._header)

    def _header(self, _held: bytes) -> None:
        self._expect(3, self._block)

    def _block(self, held: bytes) -> None:
        word = int.from_bytes(held, "little")
        last, kind, size = word & 1, word >> 1 & 3, word >> 3
        self._skip = 1 if kind == 1 else size  # 1: one byte, repeated
        if last:
            self._skip += self._checksum
            self._expect(4, self._magic)


def xz_size(fd: int, stored_size: int) -> int | None:
    """Return the unpacked size that the index at the end of an xz file states, if readable."""
    total, end = 0, stored_size
    while end > 0:
        footer = os.pread(fd, 12, end - 12) if end >= 12 else b""
        if footer == b"\0" * 12 or footer[8:] == b"\0" * 4:
            end -= 4
            continue
        if len(footer) != 12 or footer[10:] != b"YZ":
            return None
        length = (struct.unpack("<I", footer[4:8])[0] + 1) * 4
        if length > PIECE or length > end - 24:
            return None
        sizes = _xz_index(os.pread(fd, length, end - 12 - length))
        if sizes is None:
            return None
        packed, unpacked = sizes
        total += unpacked
        end -= 24 + length + packed
    return total if end == 0 else None


def zst_size(fd: int) -> int | None:
    """Return the size that the first frame of a zstd file states, if it states one."""
    head = os.pread(fd, 18, 0)
    if head[:4] != b"\x28\xb5\x2f\xfd" or len(head) < 14:
        return None
    flags = head[4]
    single = flags >> 5 & 1
    at = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    width = (single, 2, 4, 8)[flags >> 6]
    value = int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)
    return value if width else None


def _xz_index(index: bytes) -> tuple[int, int] | None:
    """Return the packed and unpacked size of all blocks an xz index lists."""
    if not index or index[0] != 0:
        return None
    try:
        count, at = _varint(index, 1)
        packed = unpacked = 0
        for _ in range(count):
            size, at = _varint(index, at)
            packed += size + 3 & ~3
            size, at = _varint(index, at)
            unpacked += size
    except IndexError:
        return None
    return packed, unpacked


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError


def _next_member(kind: str, magic: bytes, data: bytes, stored: Stored) -> bytes:
    """Return the bytes that begin the next member, past zero padding; empty at the end."""
    while True:
        data = data.lstrip(b"\0")
        if len(data) >= len(magic):
            break
        more = stored.read()
        if not more:
            break
        data += more
    if data and not data.startswith(magic):
        raise ImageDamaged(f"unpacking the image: something else follows the {kind} data")
    return data


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
