"""One opened target: the only place that writes to a device.

It is opened once, exclusively, and everything goes through that one descriptor; the path is never
used again, so that a device that takes its name afterwards is not touched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from provision.core.errors import Conflict, PermissionMissing, ProvisionError
from provision.core.text import binary, clean
from provision.media.blocks import BlockDevices
from provision.media.errors import (
    TargetChanged,
    TargetLost,
    TargetMissing,
    TargetMounted,
    TargetReadOnly,
    WriteFailed,
)
from provision.media.targets import Kind, Target, check_unused

T = TypeVar("T")

BLKGETSIZE64 = 0x80081272
BLKGETDISKSEQ = 0x80081280
BLKFLSBUF = 0x1261
BLKRRPART = 0x125F

#: Memory and offsets of direct I/O keep to this, whatever smaller block the device has.
ALIGN = 4096


def buffer(size: int) -> memoryview:
    """Return page-aligned memory, as direct I/O needs it."""
    return memoryview(mmap.mmap(-1, size))


class Device:
    """An opened target. Errors of the kernel come out as ours, with the place in the device."""

    def __init__(self, target: Target, fd: int, *, direct: bool) -> None:
        self.target = target
        self.size = target.size
        self.direct = direct
        #: Writes are padded with zeros to whole blocks of this size.
        self.block = target.logical_block
        if target.kind is Kind.FILE:
            self.block = ALIGN if direct else 1
        self._fd = fd

    @classmethod
    def open(cls, target: Target) -> Self:
        """Open ``target`` exclusively and check that it is the one that was examined."""
        flags = os.O_RDWR | os.O_CLOEXEC
        if target.kind is not Kind.FILE:
            # The kernel then refuses a device that is mounted, swapped to, or part of a RAID; and
            # while we hold it, it refuses to mount it.
            flags |= os.O_EXCL
        fd, direct = _open(target, flags)
        device = cls(target, fd, direct=direct)
        try:
            device._lock()
            device.check_identity()
            check_unused(target)
        except BaseException:
            device.close()
            raise
        return device

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def check_identity(self, failure: type[ProvisionError] = TargetChanged) -> None:
        """Raise if what we hold open is not, or no longer, what was examined."""
        if self.target.kind is Kind.FILE:
            size: int | None = os.fstat(self._fd).st_size
        else:
            size = self._ask(BLKGETSIZE64)
        if size != self.target.size or not self._is_medium():
            raise failure(
                f"checking the target {clean(self.target.path)}: "
                "it is not the device that was confirmed"
            )

    def check_medium(self) -> None:
        """Raise if it is another medium that is there now; one of another size is the same."""
        if not self._is_medium():
            raise TargetLost(
                f"checking the target {clean(self.target.path)}: it is no longer there"
            )

    def _is_medium(self) -> bool:
        target = self.target
        info = os.fstat(self._fd)
        if target.kind is Kind.FILE:
            seen = (stat.S_ISREG(info.st_mode), info.st_dev, info.st_ino)
            return seen == (True, target.device, target.inode)
        if not stat.S_ISBLK(info.st_mode) or info.st_rdev != target.device:
            return False
        expected = target.disk.diskseq if target.disk else None
        found = self._ask(BLKGETDISKSEQ)
        return (expected is None or found in (None, expected)) and self._still_there(expected)

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``, however many calls that takes."""
        done = 0
        while done < len(data):
            count = self._do("writing", offset + done, self._pwrite, data[done:], offset + done)
            if count == 0:
                raise self._failed("writing", offset + done, "the device takes no more")
            done += count

    def read(self, offset: int, into: memoryview) -> None:
        """Fill ``into`` from ``offset``."""
        done = 0
        while done < len(into):
            count = self._do("reading back", offset + done, self._pread, into[done:], offset + done)
            if count == 0:
                raise self._failed("reading back", offset + done, "the device ends there")
            done += count

    def settle(self) -> None:
        """Wait until all that was written is on the medium, and forget the kernel's copy of it."""
        self._do("flushing", self.size, os.fsync, self._fd)
        if self.target.kind is Kind.FILE:
            self._do("flushing", 0, os.posix_fadvise, self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
            return
        # Only root may; direct reads do not need it, others do.
        if os.geteuid() == 0:
            self._do("flushing", self.size, fcntl.ioctl, self._fd, BLKFLSBUF)

    def announce(self) -> None:
        """Let the kernel look for the new partitions; where it cannot, plugging again does it."""
        with contextlib.suppress(OSError):
            if self.target.kind is not Kind.FILE:
                fcntl.ioctl(self._fd, BLKRRPART)

    def close(self) -> None:
        """Close the device."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _pwrite(self, data: memoryview, offset: int) -> int:
        return os.pwritev(self._fd, [data], offset)

    def _pread(self, into: memoryview, offset: int) -> int:
        return os.preadv(self._fd, [into], offset)

    def _do(self, doing: str, offset: int, call: Callable[..., T], *arguments: object) -> T:
        try:
            return call(*arguments)
        except OSError as error:
            raise self._failed(doing, offset, error.strerror or str(error)) from error

    def _failed(self, doing: str, offset: int, reason: str) -> WriteFailed:
        where = f"{binary(offset)} (byte {offset})"
        return WriteFailed(f"{doing} {clean(self.target.path)} at {where}: {reason}")

    def _lock(self) -> None:
        """Keep a second `provision flash` away from a file, and udev from a device."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"opening the target {clean(self.target.path)}: another program has locked it"
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise self._failed("locking", 0, error.strerror or str(error)) from error

    def _ask(self, request: int) -> int | None:
        try:
            return int(struct.unpack("Q", fcntl.ioctl(self._fd, request, b"\0" * 8))[0])
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return None  # a kernel before 5.15 has no disk sequence numbers
            return -1

    def _still_there(self, expected: int | None) -> bool:
        """Whether the kernel still knows this device: a stick pulled out is gone from /sys."""
        if expected is None:
            return True
        number = f"{os.major(self.target.device)}:{os.minor(self.target.device)}"
        place = Path("/sys/dev/block") / number / "diskseq"
        try:
            return place.read_text().strip() == str(expected)
        except OSError:
            return False


def _open(target: Target, flags: int) -> tuple[int, bool]:
    """Open for direct I/O where the target can do that; say whether it can."""
    try:
        if target.kind is not Kind.FILE or target.size % ALIGN == 0:
            try:
                return os.open(target.path, flags | os.O_DIRECT), True
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        return os.open(target.path, flags), False
    except OSError as error:
        raise _refusal(target, error) from error


def _refusal(target: Target, error: OSError) -> Exception:
    doing = f"opening the target {clean(target.path)}"
    if error.errno == errno.EBUSY:
        if target.disk and not BlockDevices().uses(target.disk.name):
            return Conflict(f"{doing}: another program holds it (another `provision flash`?)")
        return TargetMounted(f"{doing}: it is in use (mounted, swap, RAID, or held by a program)")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PermissionMissing(f"{doing}: {error.strerror}")
    if error.errno == errno.EROFS:
        return TargetReadOnly(f"{doing}: it is write-protected")
    return TargetMissing(f"{doing}: {error.strerror}")
