"""What may be written, and why the rest may not.

A target is written only when it is *proven* to be a USB stick or an SD card that nobody uses.
What looks like one and cannot be proven is refused, with the reason and the remedy.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from provision.core.errors import PermissionMissing, Refused
from provision.core.text import binary, clean
from provision.media.blocks import BlockDevices
from provision.media.disks import Bus, Disk, Medium, Use
from provision.media.errors import (
    TargetChanged,
    TargetIsSystem,
    TargetMissing,
    TargetMounted,
    TargetNotRemovable,
    TargetReadOnly,
    TargetTooLarge,
    TargetTooSmall,
)
from provision.media.identify import describe_content
from provision.media.partitions import Read

#: A USB disk larger than this is more often somebody's backup than a stick for a hypervisor.
LARGEST = 256 << 30


class Kind(StrEnum):
    """What sort of thing a target is."""

    BLOCK = "block"
    LOOP = "loop"
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the user allowed beyond sticks and cards.

    ``force`` holds serials typed in full: they lift the refusal of a disk that is not proven to be
    a stick or is too large for one. Nothing lifts the refusal of a disk in use.
    """

    allow_file: bool = False
    allow_loop: bool = False
    force: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target as it was when it was examined; opening it checks that it still is that one."""

    path: Path
    kind: Kind
    size: int
    logical_block: int
    device: int
    inode: int
    #: What is written in the end: two targets with the same one are one.
    medium: Medium
    disk: Disk | None
    content: str

    @property
    def serial(self) -> str:
        """The serial of the stick, card or disk; empty where it has none."""
        return self.disk.serial if self.disk else ""

    @property
    def title(self) -> str:
        """What it is, for a person who has to recognise it."""
        if self.kind is Kind.FILE:
            return f"file, {binary(self.size)}"
        disk = self.disk
        if disk is None:
            return binary(self.size)
        if self.kind is Kind.LOOP:
            return f"loop device over {disk.backing_file or '?'}, {binary(self.size)}"
        where = f", USB port {disk.usb.port}" if disk.usb else ""
        serial = f", SN {disk.serial}" if disk.serial else ", no serial"
        return f"{disk.title}, {self.size / 1e9:.1f} GB{serial}{where}"

    def as_dict(self) -> dict[str, Any]:
        """Return its identity as records print it."""
        return {
            "path": str(self.path.absolute()),
            "kind": str(self.kind),
            "size": self.size,
            "title": self.title,
            "content_before": self.content,
            "disk": asdict(self.disk) if self.disk else None,
        }


def examine(
    path: Path | str,
    *,
    policy: Policy | None = None,
    image_size: int | None = None,
    machine: BlockDevices | None = None,
) -> Target:
    """Return the target at ``path``, or raise the reason why it may not be written."""
    policy = policy or Policy()
    path = Path(path)
    try:
        info = path.stat()
    except OSError as error:
        raise TargetMissing(f"examining the target {clean(path)}: {error.strerror}") from error
    if stat.S_ISREG(info.st_mode):
        target = _file(path, info, policy, machine or BlockDevices())
    elif stat.S_ISBLK(info.st_mode):
        target = _block(path, info, policy, machine or BlockDevices())
    else:
        raise TargetMissing(f"examining the target {clean(path)}: it is no block device")
    check_room(target, image_size)
    return target


def check_unused(target: Target) -> None:
    """Raise if somebody began to use the target, by whatever name, since it was examined."""
    machine = BlockDevices()
    if target.disk:
        uses = machine.uses(target.disk.name)
    else:
        uses = machine.file_uses((target.device, target.inode))
    _judge_uses(f"opening the target {clean(target.path)}", uses)


def check_room(target: Target, image_size: int | None) -> None:
    """Raise if the image, as far as its size is known, does not fit the target."""
    if image_size is not None and image_size > target.size:
        raise TargetTooSmall(
            f"examining the target {clean(target.path)}: it holds {target.size} bytes, "
            f"the image has {image_size} ({binary(image_size - target.size)} more)"
        )


def judge(disk: Disk, uses: list[Use], policy: Policy) -> None:
    """Raise the reason why ``disk`` may not be written; the gravest first."""
    doing = f"examining the target {disk.name} ({disk.title}, {binary(disk.size)})"
    _judge_uses(doing, uses)
    if not disk.size:
        raise TargetMissing(
            f"{doing}: there is no medium in it", hint="Put the card in the reader, or plug again."
        )
    _judge_kind(doing, disk, policy)
    if disk.read_only:
        raise TargetReadOnly(f"{doing}: it is write-protected")


def _judge_uses(doing: str, uses: list[Use]) -> None:
    system = [use for use in uses if use.system]
    if system:
        raise TargetIsSystem(f"{doing}: the running system is on it ({system[0].how})")
    if uses:
        parts = sorted({f"{use.device} is {use.how}" for use in uses})
        raise TargetMounted(f"{doing}: it is in use: {'; '.join(parts[:4])}")


def _judge_kind(doing: str, disk: Disk, policy: Policy) -> None:
    if disk.bus is Bus.LOOP:
        if not policy.allow_loop:
            raise TargetNotRemovable(
                f"{doing}: it is a loop device",
                hint="Pass --allow-loop if you mean to write to the file behind it.",
            )
        return
    if disk.token in policy.force:
        return
    forcing = (
        f"If you are certain that this is the one, type what identifies it: "
        f"--force-target '{disk.token}'."
    )
    if disk.bus not in (Bus.USB, Bus.SD):
        what = "built-in flash (eMMC)" if disk.bus is Bus.EMMC else "neither on USB nor an SD card"
        raise TargetNotRemovable(f"{doing}: it is {what}", hint=forcing)
    if disk.size > LARGEST:
        raise TargetTooLarge(
            f"{doing}: sticks and cards for a hypervisor are smaller than {binary(LARGEST)}; "
            "this may be a backup disk",
            hint=forcing,
        )


def _file(path: Path, info: os.stat_result, policy: Policy, machine: BlockDevices) -> Target:
    if not policy.allow_file:
        raise TargetMissing(
            f"examining the target {clean(path)}: it is a regular file, not a device",
            hint="Give the stick's device (see `lsblk`), or pass --allow-file to write to the "
            "file as if it were a stick of its size (`truncate -s 1G FILE` makes one).",
        )
    if not info.st_size:
        raise TargetTooSmall(
            f"examining the target {clean(path)}: the file is empty",
            hint="A file stands for a stick of its size; `truncate -s 1G FILE` makes one.",
        )
    _judge_uses(
        f"examining the target {clean(path)}", machine.file_uses((info.st_dev, info.st_ino))
    )
    if not os.access(path, os.W_OK):
        raise PermissionMissing(f"examining the target {clean(path)}: you may not write to it")
    return Target(
        path=path,
        kind=Kind.FILE,
        size=info.st_size,
        logical_block=512,
        device=info.st_dev,
        inode=info.st_ino,
        medium=("file", info.st_dev, info.st_ino),
        disk=None,
        content=_content(path),
    )


def _block(path: Path, info: os.stat_result, policy: Policy, machine: BlockDevices) -> Target:
    devnum = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    disk = find_disk(devnum, str(path), machine)
    uses = machine.uses(disk.name) or machine.claims(disk.name, without=disk.name)
    judge(disk, uses, policy)
    for name in machine.under(disk.name):
        # To write to a loop device is to write to the disk under it: no way round its refusal.
        judge(machine.disk(name), machine.uses(name), policy)
    medium = machine.medium(disk.name)
    if medium is None:
        raise Refused(
            f"examining the target {clean(path)}: "
            "it cannot be told what is behind this loop device",
            hint="Detach it (`losetup -d`), and attach it anew to the file you mean.",
        )
    if disk.usb:
        disk = replace(disk, usb=witness(disk))
    return Target(
        path=path,
        kind=Kind.LOOP if disk.bus is Bus.LOOP else Kind.BLOCK,
        size=disk.size,
        logical_block=disk.logical_block,
        device=info.st_rdev,
        inode=0,
        medium=medium,
        disk=disk,
        content=_content(path),
    )


def find_disk(devnum: str, path: str, machine: BlockDevices) -> Disk:
    """Return the whole disk with this ``major:minor``; a partition is refused."""
    name = machine.name_of(devnum)
    if name is None:
        raise TargetMissing(
            f"examining the target {clean(path)}: the kernel knows no disk {devnum}"
        )
    if not machine.mounts:
        raise Refused(
            f"examining the target {clean(path)}: what is mounted on this machine cannot be read",
            hint="Run it where /proc is mounted.",
        )
    whole = machine.partition_of(name)
    if whole:
        raise Refused(
            f"examining the target {clean(path)}: it is a partition of {whole}",
            hint=f"Name the whole disk: /dev/{whole}.",
        )
    return machine.disk(name)


def witness(disk: Disk, devices: Callable[[], Any] | None = None) -> Any:
    """Return the disk's USB facts, confirmed by libusb where it is there.

    sysfs and libusb read the same descriptors by different ways; when they disagree, the device
    was changed while we looked.
    """
    facts = disk.usb
    if facts is None:
        return None
    for port, ids in _usb_devices(devices):
        if port != facts.port:
            continue
        if ids != (facts.vendor_id, facts.product_id):
            raise TargetChanged(
                f"examining the target {disk.name}: USB port {port} holds {':'.join(ids)}, "
                f"the disk says {facts.vendor_id}:{facts.product_id}"
            )
        return replace(facts, witness="sysfs and libusb")
    return facts


def _usb_devices(devices: Callable[[], Any] | None) -> list[tuple[str, tuple[str, str]]]:
    """Return port and vendor:product of what libusb sees; nothing where it cannot look."""
    import usb.core

    find = devices or (lambda: usb.core.find(find_all=True))
    try:
        return [
            (
                f"{device.bus}-{'.'.join(str(port) for port in device.port_numbers or ())}",
                (f"{device.idVendor:04x}", f"{device.idProduct:04x}"),
            )
            for device in find()
        ]
    except (usb.core.NoBackendError, usb.core.USBError, OSError):
        return []


def _content(path: Path) -> str:
    """Say what is on the target now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError as error:
        raise PermissionMissing(
            f"examining the target {clean(path)}: you may not read or write it"
        ) from error
    except OSError as error:
        return f"unreadable ({error.strerror})"
    try:
        return clean(describe_content(_reader(fd)), 120)
    except OSError as error:
        return f"unreadable ({error.strerror})"
    finally:
        os.close(fd)


def _reader(fd: int) -> Read:
    def read(offset: int, size: int) -> bytes:
        return os.pread(fd, size, offset) if offset < 1 << 62 else b""

    return read
