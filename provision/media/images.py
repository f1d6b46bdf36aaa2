"""Opens an image of any known format as one checked stream.

The format is told by the first bytes, never by the name. One open file serves everything that is
done with the image, so that what is hashed is what is written, whatever happens to the path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from provision.core.errors import ImageError, PermissionMissing
from provision.core.text import binary, clean
from provision.media.decoders import DECODERS, Format, Stored
from provision.media.errors import ImageDamaged
from provision.media.headers import xz_size, zst_size

__all__ = ["MAX_SIZE", "Format", "Image", "Stream", "open_image"]

#: No stick or card is larger; a stream that goes on longer is a bomb.
MAX_SIZE = 2 << 40
#: Beyond ``RATIO_FROM`` bytes, more than this many bytes from each stored one is a bomb. A blank
#: 8 GiB image with a hypervisor in it stays far below; 4 GiB of packed zeros does not.
MAX_RATIO = 10_000
RATIO_FROM = 1 << 30

#: Files that hold an image but are not one as they lie: written raw they would be rubbish.
CONTAINERS = (
    (0, b"BZh", "bzip2", "bunzip2"),
    (0, b"PK\x03\x04", "zip", "unzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
    (0, b"QFI\xfb", "qcow2", "qemu-img convert -O raw"),
    (0, b"KDMV", "VMDK", "qemu-img convert -O raw"),
    (0, b"# Disk DescriptorFile", "VMDK", "qemu-img convert -O raw"),
    (0, b"vhdxfile", "VHDX", "qemu-img convert -O raw"),
    (0, b"conectix", "VHD", "qemu-img convert -O raw"),
    (257, b"ustar", "tar", "tar xf"),
)


class Stream:
    """The content of an image, front to back, within its limits."""

    def __init__(self, image: Image, *, digest: bool = True) -> None:
        self._image = image
        self._stored = Stored(image.fd, digest=digest)
        self._pieces = DECODERS[image.format](self._stored)
        self._rest = memoryview(b"")
        self.position = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer``; return how much, which is less than all of it at the end only."""
        filled = 0
        while filled < len(buffer):
            if not self._rest:
                try:
                    piece = next(self._pieces, None)
                except OSError as error:
                    raise unreadable(self._image.path, error) from error
                if piece is None:
                    break
                self._rest = memoryview(piece)
            step = min(len(self._rest), len(buffer) - filled)
            buffer[filled : filled + step] = self._rest[:step]
            self._rest = self._rest[step:]
            filled += step
        self.position += filled
        self._image.check_limits(self.position, self._stored.position)
        return filled

    def stored_sha256(self) -> str:
        """Return the sha256 of the file as it lies, reading it to its end."""
        return self._stored.sha256()


class Image:
    """An open image. Use it as a context manager, or ``close()`` it."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self._stat = os.fstat(fd)
        self.stored_size = self._stat.st_size
        self.format = _format(os.pread(fd, 4096, 0), path)
        #: What the headers say the content measures; None where they do not. The stream decides.
        self.size = self._size()

    def stream(self, *, digest: bool = True) -> Stream:
        """Return a fresh stream over the content; with ``digest`` the stored bytes are hashed."""
        return Stream(self, digest=digest)

    def pieces(self) -> Iterator[bytes]:
        """Yield the content in pieces of at most 1 MiB."""
        buffer = bytearray(1 << 20)
        stream = self.stream(digest=False)
        while count := stream.readinto(memoryview(buffer)):
            yield bytes(buffer[:count])

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: this very file, by whatever name."""
        return self._stat.st_dev, self._stat.st_ino

    def check_unchanged(self) -> None:
        """Raise if somebody wrote to the file since it was opened."""
        now = os.fstat(self.fd)
        before = self._stat
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ImageDamaged(
                f"reading the image {clean(self.path)}: it was changed while it was read",
                hint="Let whatever writes the image finish, then start again.",
            )

    def check_limits(self, unpacked: int, stored: int) -> None:
        """Raise when the content grows as only a decompression bomb does."""
        if self.format is Format.RAW:
            return
        bomb = unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(stored, 1)
        if bomb or unpacked > MAX_SIZE:
            raise ImageDamaged(
                f"unpacking the image {clean(self.path)}: "
                f"{binary(stored)} became {binary(unpacked)}; no hypervisor image does that",
                hint="If you trust it, unpack it yourself and flash the raw image.",
            )

    def close(self) -> None:
        """Close the file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _size(self) -> int | None:
        if self.format is Format.RAW:
            return self.stored_size
        if self.format is Format.XZ:
            return xz_size(self.fd, self.stored_size)
        return zst_size(self.fd, self.stored_size) if self.format is Format.ZST else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


def open_image(path: Path | str) -> Image:
    """Open the image at ``path``: a regular file, raw or packed as gz, xz or zst."""
    path = Path(path)
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError as error:
        raise PermissionMissing(
            f"opening the image {clean(path)}: you may not read it",
            hint="Run as root (sudo), or let your user read the file.",
        ) from error
    except OSError as error:
        raise ImageError(
            f"opening the image {clean(path)}: {error.strerror}", hint="Check the path."
        ) from error
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise ImageError(
                f"opening the image {clean(path)}: it is not a regular file",
                hint="Give the image as a file.",
            )
        if not info.st_size:
            raise ImageDamaged(f"opening the image {clean(path)}: it is empty")
        return Image(path, fd)
    except OSError as error:
        os.close(fd)
        raise unreadable(path, error) from error
    except BaseException:
        os.close(fd)
        raise


def unreadable(path: Path, error: OSError) -> ImageError:
    """Return what to tell when the disk or share an image lies on fails."""
    return ImageError(
        f"reading the image {clean(path)}: {error.strerror}",
        hint="Check the disk or network share the image lies on.",
    )


def _format(head: bytes, path: Path) -> Format:
    if head.startswith(b"\x1f\x8b"):
        return Format.GZ
    if head.startswith(b"\xfd7zXZ\0"):
        return Format.XZ
    # A zstd file may begin with a skippable frame, whose magic has sixteen forms.
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return Format.ZST
    for at, magic, name, tool in CONTAINERS:
        if head[at : at + len(magic)] == magic:
            raise ImageError(
                f"opening the image {clean(path)}: "
                f"it is a {name} file, which cannot be written as it is",
                hint=f"Unpack it first (`{tool}`), then flash what is in it.",
            )
    return Format.RAW
