"""What xz and zstd files say of their size, without unpacking them."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from provision.media.errors import ImageDamaged

#: A zstd file of more blocks than this (64 GiB and more) is not walked to learn its size.
MAX_BLOCKS = 2_000_000
#: Zeros behind an xz stream, in bytes, beyond which its size is not looked for.
MAX_PADDING = 1 << 20
#: The indexes of an xz file are not read when they are longer than this together.
MAX_INDEX = 1 << 20
#: Beyond so many members, each has to unpack to this on average (those of bgzip do, to 64 KiB).
MANY_MEMBERS, LEAST_MEMBER = 10_000, 4 << 10
#: Frames of unknown size a zstd file may have.
MAX_FRAMES = 200_000


def too_many(kind: str, count: int) -> ImageDamaged:
    """Return what to tell of a file that is all headers and no content."""
    return ImageDamaged(
        f"unpacking the image: its {kind} data is in {count} pieces and more, with next to "
        "nothing in them; no hypervisor image is",
        hint="If you trust it, unpack it yourself and flash the raw image.",
    )


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
        self._descriptor_byte = 0
        self._frames = 0
        #: What the frames so far say they unpack to; None once one does not say.
        self.content: int | None = 0

    @property
    def need(self) -> int:
        """How many bytes are wanted next, when nothing is to be skipped."""
        return self._want - len(self._held)

    def jump(self) -> int:
        """Return how many bytes hold nothing to follow, and take them as seen."""
        step, self._skip = self._skip, 0
        return step

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
        self._frames += 1
        if self.content is None:
            crowded = self._frames > MAX_FRAMES
        else:
            crowded = self._frames > MANY_MEMBERS
            crowded = crowded and self.content < self._frames * LEAST_MEMBER
        if crowded:
            raise too_many("zstd", self._frames)
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
        flags = self._descriptor_byte = held[0]
        single = flags >> 5 & 1
        dictionary = (0, 1, 2, 4)[flags & 3]
        content = (single, 2, 4, 8)[flags >> 6]
        self._checksum = 4 if flags & 4 else 0
        # The header is never empty: without a window byte there is a content size.
        self._expect((0 if single else 1) + dictionary + content, self._header)

    def _header(self, held: bytes) -> None:
        flags = self._descriptor_byte
        width = (flags >> 5 & 1, 2, 4, 8)[flags >> 6]
        if width == 0 or self.content is None:
            self.content = None
        else:
            size = int.from_bytes(held[len(held) - width :], "little")
            self.content += size + (256 if width == 2 else 0)
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
    total, end, index_bytes = 0, stored_size, 0
    while end > 0:
        end = _before_padding(fd, end)
        footer = os.pread(fd, 12, end - 12) if end >= 12 else b""
        if len(footer) != 12 or footer[10:] != b"YZ":
            return None
        length = (struct.unpack("<I", footer[4:8])[0] + 1) * 4
        # What many tiny streams are charged beyond their index keeps their number down.
        index_bytes += length + 64
        if index_bytes > MAX_INDEX or length > end - 24:
            return None
        sizes = _xz_index(os.pread(fd, length, end - 12 - length))
        if sizes is None:
            return None
        packed, unpacked = sizes
        total += unpacked
        end -= 24 + length + packed
    return total if end == 0 else None


def _before_padding(fd: int, end: int) -> int:
    """Return where the zeros before ``end`` begin, having looked at ``MAX_PADDING`` at most."""
    start = max(end - MAX_PADDING, 0)
    if os.pread(fd, 4, max(end - 4, 0)).strip(b"\0"):
        return end
    return start + len(os.pread(fd, end - start, start).rstrip(b"\0"))


def zst_size(fd: int, stored_size: int) -> int | None:
    """Return the size that the frames of a zstd file state, if each states one."""
    frames, at = ZstdFrames(), 0
    try:
        for _ in range(MAX_BLOCKS):
            if frames.content is None:
                break
            if at >= stored_size:
                return frames.content if frames.complete and at == stored_size else None
            data = os.pread(fd, frames.need, at)
            frames.feed(data)
            at += len(data) + frames.jump()
    except ImageDamaged:
        pass  # said again, and then aloud, when it is unpacked
    return None


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
