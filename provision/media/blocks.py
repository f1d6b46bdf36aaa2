"""What the kernel knows of this machine's disks, read from /sys and /proc; no udev, no `lsblk`.

Both roots are parameters: a test writes a machine as a tree of files and asks about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from provision.core.text import clean
from provision.media.mounts import (
    SYSTEM_MOUNTS,
    Mount,
    kernel_root,
    read_mounts,
    read_swaps,
)


class Bus(StrEnum):
    """What a disk hangs on, as far as writing to it is concerned."""

    USB = "usb"
    SD = "sd"
    EMMC = "emmc"
    LOOP = "loop"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class UsbFacts:
    """The USB device a disk hangs on. ``port`` is the kernel's name for it: ``3-2.1``."""

    port: str
    bus: int
    vendor_id: str
    product_id: str
    vendor: str = ""
    product: str = ""
    serial: str = ""
    speed_mbit: str = ""
    witness: str = "sysfs"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """One whole disk as the kernel describes it."""

    name: str
    devnum: str
    bus: Bus
    size: int
    read_only: bool
    removable: bool
    vendor: str
    model: str
    serial: str
    wwid: str
    diskseq: int | None
    logical_block: int
    usb: UsbFacts | None = None
    backing_file: str = ""

    @property
    def title(self) -> str:
        """What is printed on it, as far as the kernel knows."""
        return " ".join(word for word in (self.vendor, self.model) if word) or self.name

    @property
    def token(self) -> str:
        """What has to be typed to write to it although it is not proven to be a stick or card."""
        return self.serial or self.wwid or f"{self.name}:{self.size}"


@dataclass(frozen=True, kw_only=True)
class Use:
    """One reason why a disk is in use: what uses which part of it, and whether the system does."""

    device: str
    how: str
    system: bool


class BlockDevices:
    """The disks and partitions of one machine."""

    def __init__(self, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> None:
        self.sys, self.proc = sys, proc

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

    def uses(self, name: str) -> list[Use]:
        """Return who uses the disk ``name`` or anything on it; the system's own uses first."""
        system = self._system_disks()
        found = [
            Use(device=device, how=how, system=name in system)
            for device in self._above(name)
            for how in self._direct_uses(device)
        ]
        if name in system and not found:
            found.append(Use(device=name, how="the running system stands on it", system=True))
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
        """The disk, its partitions, and all that is stacked on them (dm, md)."""
        found, queue = [], [name]
        while queue:
            device = queue.pop(0)
            if device in found or device not in self._places:
                continue
            found.append(device)
            place = self._places[device]
            queue += [part.name for part in _children(place) if _is_partition(part)]
            queue += [holder.name for holder in _children(place / "holders")]
        return found

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
            queue += self._under_file(_text(whole / "loop/backing_file"))
        return disks

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
