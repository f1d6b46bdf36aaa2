"""What the kernel knows of this machine's disks, read from /sys and /proc; no udev, no `lsblk`.

Both roots are parameters: a test writes a machine as a tree of files and asks about it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from provision.core.text import clean
from provision.media.disks import Bus, Disk, Medium, UsbFacts, Use
from provision.media.loops import Backing, backing, backing_path, claimed
from provision.media.mounts import (
    SYSTEM_MOUNTS,
    Mount,
    kernel_root,
    read_mounts,
    read_swaps,
)


class BlockDevices:
    """The disks and partitions of one machine."""

    def __init__(self, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> None:
        self.sys, self.proc = sys, proc

    @cached_property
    def _backings(self) -> dict[str, Backing | None]:
        """What each attached loop device stands on; None where that is unclear."""
        return {
            name: backing(at)
            for name, at in self._places.items()
            if name.startswith("loop") and backing_path(at)
        }

    @cached_property
    def _places(self) -> dict[str, Path]:
        """Every disk and partition by its kernel name."""
        places: dict[str, Path] = {}
        for disk in _children(self.sys / "block"):
            places[disk.name] = disk
            places.update({part.name: part for part in _children(disk) if _is_partition(part)})
        return places

    @cached_property
    def _by_devnum(self) -> dict[str, str]:
        return {number: name for name, at in self._places.items() if (number := _text(at / "dev"))}

    def name_of(self, devnum: str) -> str | None:
        """Return the kernel name of the device with this ``major:minor``."""
        return self._by_devnum.get(devnum)

    def partition_of(self, name: str) -> str | None:
        """Return the disk that ``name`` is a partition of; None when it is a disk itself."""
        place = self._places[name]
        return place.parent.name if _is_partition(place) else None

    def disk(self, name: str) -> Disk:
        """Describe the whole disk ``name``."""
        place = self._places[name]
        device = place / "device"
        usb_at = self._usb(device)
        bus = self._bus(name, device, usb=usb_at is not None)
        usb = _usb_facts(usb_at) if usb_at else None
        serial = _text(device / "serial") or _text(place / "serial") or (usb.serial if usb else "")
        return Disk(
            name=name,
            devnum=_text(place / "dev"),
            bus=bus,
            size=_number(place / "size") * 512,
            read_only=_text(place / "ro") == "1",
            removable=_text(place / "removable") == "1",
            vendor=_text(device / "vendor"),
            model=_text(device / "model") or (_text(device / "name") if bus is not Bus.USB else ""),
            serial=serial,
            wwid=_text(device / "wwid") or _text(place / "wwid") or _text(device / "cid"),
            diskseq=_number(place / "diskseq") or None,
            logical_block=_number(place / "queue/logical_block_size") or 512,
            usb=usb,
            backing_file=_text(place / "loop/backing_file"),
        )

    def medium(self, name: str) -> Medium | None:
        """Return what is written when the disk ``name`` is written; None if it is unclear."""
        base = self._base(name)
        if base is None:
            return None
        behind = self._backings.get(base)
        if behind and behind.file:
            return ("file", *behind.file)
        major, _, minor = _text(self._places[base] / "dev").partition(":")
        return ("block", int(major or 0), int(minor or 0))

    def under(self, name: str) -> list[str]:
        """Return the whole disks under the loop device ``name``, the next one first."""
        found: list[str] = []
        while (behind := self._backings.get(name)) and behind.rdev:
            part = self.name_of(behind.devnum)
            if part is None:
                break
            name = self.partition_of(part) or part
            if name in found:
                break
            found.append(name)
        return found

    def _base(self, name: str) -> str | None:
        """The disk at the bottom of a stack of loop devices; None if it is unclear."""
        base = [name, *self.under(name)][-1]
        if base in self._backings:
            behind = self._backings[base]
            return base if behind and behind.file else None
        return base

    def uses(self, name: str) -> list[Use]:
        """Return who uses the disk ``name`` or anything on it; the system's own uses first.

        That includes whoever uses the same medium by another name: a loop device over it, under
        it, or over the same file.
        """
        base = self._base(name) or name
        behind = self._backings.get(base)
        found = self._uses_among(self._above(base))
        if behind and behind.file in self._swap_files:
            found.insert(0, Use(device=base, how="swap", system=True))
        return found

    def file_uses(self, file: tuple[int, int]) -> list[Use]:
        """Return who uses the file with this device and inode: as swap, or through a loop."""
        loops = [name for name, at in self._backings.items() if at and at.file == file]
        if file in self._swap_files:
            return [Use(device="it", how="swap", system=True)]
        return (self.uses(loops[0]) or self.claims(loops[0], without="")) if loops else []

    def claims(self, name: str, *, without: str) -> list[Use]:
        """Return who holds the medium of ``name`` for himself, by another name than ``without``."""
        return [
            Use(device=device, how="held by a program, or mounted out of our sight", system=False)
            for device in self._above(self._base(name) or name)
            if device != without and self.partition_of(device) is None
            if claimed(self._places[device])
        ]

    def _uses_among(self, devices: list[str]) -> list[Use]:
        system = not self._system_disks().isdisjoint(devices)
        found = [
            Use(device=device, how=how, system=system)
            for device in devices
            for how in self._direct_uses(device)
        ]
        if system and not found:
            how = "the running system stands on it"
            found.append(Use(device=devices[0], how=how, system=True))
        return found

    def _direct_uses(self, device: str) -> Iterator[str]:
        for mount in self.mounts:
            if device in self._devices_of(mount):
                yield f"mounted at {clean(mount.point, 80)}"
        if device in self._swaps:
            yield "swap"
        for holder in _children(self._places[device] / "holders"):
            yield f"held by {holder.name}"

    def _above(self, name: str) -> list[str]:
        """The disk, its partitions, and all that is stacked on them or is the same (loops)."""
        found, queue = [], [name]
        while queue:
            device = queue.pop(0)
            if device in found or device not in self._places:
                continue
            found.append(device)
            place = self._places[device]
            queue += [part.name for part in _children(place) if _is_partition(part)]
            queue += [holder.name for holder in _children(place / "holders")]
            queue += self._loops_of(device)
        return found

    def _loops_of(self, device: str) -> list[str]:
        """The loop devices over ``device``, or over the same file as it."""
        number, own = _text(self._places[device] / "dev"), self._backings.get(device)
        file = own.file if own else None
        return [
            name
            for name, at in self._backings.items()
            if at and (at.devnum == number if at.rdev else at.file == file)
        ]

    def _system_disks(self) -> set[str]:
        """The whole disks under the system's mounts and swap, through dm, md and loop."""
        vital = [mount for mount in self.mounts if mount.point in SYSTEM_MOUNTS]
        queue = [name for mount in vital for name in self._devices_of(mount)]
        queue += [*self._swaps, *self._kernel_root()]
        disks, seen = set(), set()
        while queue:
            device = queue.pop()
            if device in seen or device not in self._places:
                continue
            seen.add(device)
            disks.add(self.partition_of(device) or device)
            # The slaves of a partition are those of its disk (a partitioned md or dm).
            whole = self._places[self.partition_of(device) or device]
            queue += [slave.name for slave in _children(whole / "slaves")]
            queue += self._under_loop(whole)
        return disks

    def _under_loop(self, place: Path) -> list[str]:
        """The devices under a loop device: the one it is over, or those its file lies on."""
        behind = self._backings.get(place.name)
        if behind and behind.rdev:
            name = self.name_of(behind.devnum)
            return [name] if name else []
        found = self._under_file(backing_path(place))
        for mount in self.mounts:
            if behind and mount.devnum == behind.devnum:
                found += self._devices_of(mount)
        return found

    def _under_file(self, path: str) -> list[str]:
        """The devices of the file system that holds ``path``."""
        if not path:
            return []
        best = max(
            (mount for mount in self.mounts if Path(path).is_relative_to(mount.point)),
            key=lambda mount: len(mount.point),
            default=None,
        )
        return self._devices_of(best) if best else []

    def _devices_of(self, mount: Mount) -> list[str]:
        """The devices a mount stands on. btrfs has a device number of its own, and many devices."""
        name = self.name_of(mount.devnum) or self._by_source(mount.source)
        if name is None:
            return []
        if mount.kind == "btrfs":
            for pool in _children(self.sys / "fs/btrfs"):
                members = [member.name for member in _children(pool / "devices")]
                if name in members:
                    return members
        return [name]

    def _by_source(self, source: str) -> str | None:
        """Return the kernel name of ``/dev/sda2`` or ``/dev/mapper/root``."""
        if not source.startswith("/dev/"):
            return None
        name = source.removeprefix("/dev/").replace("/", "!")
        if name in self._places:
            return name
        mapped = source.removeprefix("/dev/mapper/")
        for device, place in self._places.items():
            if device.startswith("dm-") and _text(place / "dm/name") == mapped:
                return device
        # A link somebody made (/dev/disk/by-uuid/…, /dev/vg/root); absent in a written tree.
        real = Path(source).resolve().name
        return real if real in self._places else None

    @cached_property
    def mounts(self) -> list[Mount]:
        """All mounts this process sees."""
        return read_mounts(self.proc)

    @cached_property
    def _swaps(self) -> set[str]:
        found: set[str] = set()
        for source in read_swaps(self.proc):
            name = self._by_source(source)
            found |= {name} if name else set(self._under_file(source))
        return found

    @cached_property
    def _swap_files(self) -> set[tuple[int, int] | None]:
        """The files this machine swaps to, by device and inode."""
        found: set[tuple[int, int] | None] = set()
        for source in read_swaps(self.proc):
            try:
                info = os.stat(source)  # noqa: PTH116 - a name the kernel wrote
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode):
                found.add((info.st_dev, info.st_ino))
        return found

    def _kernel_root(self) -> list[str]:
        return [name for root in kernel_root(self.proc) if (name := self._by_source(root))]

    def _bus(self, name: str, device: Path, *, usb: bool) -> Bus:
        if name.startswith("loop"):
            return Bus.LOOP
        if usb:
            return Bus.USB
        if device.exists() and _subsystem(device.resolve()) == "mmc":
            return Bus.SD if _text(device / "type") == "SD" else Bus.EMMC
        return Bus.OTHER

    def _usb(self, device: Path) -> Path | None:
        """Return the directory of the USB device that ``device`` hangs on, however far below."""
        if not device.exists():
            return None
        root = self.sys.resolve()
        for place in (device.resolve(), *device.resolve().parents):
            if not place.is_relative_to(root) or place == root:
                return None
            if _subsystem(place) == "usb" and (place / "idVendor").exists():
                return place
        return None


def _usb_facts(place: Path) -> UsbFacts:
    return UsbFacts(
        port=place.name,
        bus=_number(place / "busnum"),
        vendor_id=_text(place / "idVendor"),
        product_id=_text(place / "idProduct"),
        vendor=_text(place / "manufacturer"),
        product=_text(place / "product"),
        serial=_text(place / "serial"),
        speed_mbit=_text(place / "speed"),
    )


def _children(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_partition(place: Path) -> bool:
    return (place / "partition").exists()


def _subsystem(place: Path) -> str:
    link = place / "subsystem"
    return link.resolve().name if link.exists() else ""


def _text(place: Path) -> str:
    """Return what a file says; nothing where it is missing. A stick chooses its own name."""
    try:
        return clean(place.read_bytes().decode("utf-8", "replace"), 200)
    except OSError:
        return ""


def _number(place: Path) -> int:
    text = _text(place)
    return int(text) if text.isascii() and text.isdigit() else 0
