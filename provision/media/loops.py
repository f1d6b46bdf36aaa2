"""What a loop device stands on, asked of the kernel: a path may have been given to another file."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

LOOP_GET_STATUS64 = 0x4C05
_STATUS_SIZE = 232


@dataclass(frozen=True, kw_only=True, slots=True)
class Backing:
    """What is behind a loop device: a file by device and inode, or the block device ``rdev``."""

    device: int
    inode: int
    rdev: int = 0

    @property
    def file(self) -> tuple[int, int] | None:
        """The file's identity; None when a block device is behind it."""
        return None if self.rdev else (self.device, self.inode)

    @property
    def devnum(self) -> str:
        """``major:minor`` of the block device, or of the file system the file lies on."""
        number = self.rdev or self.device
        return f"{os.major(number)}:{os.minor(number)}"


def backing_path(place: Path) -> str:
    """Return the path that /sys names, byte for byte; empty when nothing is attached."""
    try:
        raw = (place / "loop/backing_file").read_bytes()
    except OSError:
        return ""
    return os.fsdecode(raw.removesuffix(b"\n"))


def backing(place: Path, dev: Path = Path("/dev")) -> Backing | None:
    """Return what the attached loop device at ``place`` in /sys stands on; None if it is unclear.

    The kernel is asked through the device's node; where we may not open that, the path in /sys has
    to do.
    """
    found = _ask(place, dev / place.name)
    if found:
        return found
    path = backing_path(place)
    if not path:
        return None
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return None
    rdev = info.st_rdev if stat.S_ISBLK(info.st_mode) else 0
    return Backing(device=info.st_dev, inode=info.st_ino, rdev=rdev)


def claimed(place: Path, dev: Path = Path("/dev")) -> bool:
    """Whether somebody holds the device at ``place`` for himself.

    That may be a mount we do not see, in another namespace, or a program that writes it.
    """
    try:
        fd = _open(place, dev / place.name, os.O_EXCL)
    except OSError as error:
        return error.errno == errno.EBUSY
    if fd is not None:
        os.close(fd)
    return False


def _open(place: Path, node: Path, flags: int = 0) -> int | None:
    """Open the node of the device at ``place``; None when it is that of another device."""
    devnum = (place / "dev").read_text().strip()
    info = node.stat()
    number = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    if not stat.S_ISBLK(info.st_mode) or devnum != number:
        return None
    return os.open(node, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)


def _ask(place: Path, node: Path) -> Backing | None:
    try:
        fd = _open(place, node)
    except OSError:
        return None
    if fd is None:
        return None
    try:
        status = fcntl.ioctl(fd, LOOP_GET_STATUS64, bytes(_STATUS_SIZE))
    except OSError:
        return None
    finally:
        os.close(fd)
    device, inode, rdev = struct.unpack("<QQQ", status[:24])
    return Backing(device=device, inode=inode, rdev=rdev)
