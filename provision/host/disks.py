"""The disks of a machine by their place in sysfs: bus, medium, and which of them it boots from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from provision.host.board import said
from provision.host.files import Tree

BLOCK: Final = "sys/block"
_SECTOR: Final = 512  # /sys/block/*/size counts these whatever the disk's own sectors are
_DRIVES: Final = re.compile(r"(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]|nvme\d+n\d+|mmcblk\d+|pmem\d+)")
#: Storage elsewhere: Fibre Channel, iSCSI.
_REMOTE: Final = re.compile(r"rport-.*|session\d+")
_SATA_DRIVERS: Final = re.compile(r"ahci|sata_.*")
_SERIAL_PAGE: Final = slice(4, 4 + 64)  # vital product data page 80h, behind its header

#: Where firmware finds what it boots, in the order of how sure that is.
_BOOT: Final = ("/boot/efi", "/efi", "/boot", "/")
_MOUNTS: Final = ("proc/self/mountinfo", "proc/mounts")
_DEPTH: Final = 4  # of device mapper and RAID, one on another


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk. None: not told, or not to be trusted (the medium behind a RAID controller)."""

    name: str
    size: int
    bus: str | None = None
    media: str | None = None
    model: str | None = None
    serial: str | None = None
    stays: bool = True

    @property
    def path(self) -> str:
        """Where the kernel tells of it."""
        return f"/{BLOCK}/{self.name}"

    def row(self) -> dict[str, Any]:
        """Return its row in ``storage.drives``."""
        return {
            "name": self.name,
            "model": self.model,
            "serial": self.serial,
            "size": self.size,
            "bus": self.bus,
            "media": self.media,
        }


def local(tree: Tree) -> list[Disk] | None:
    """Return the disks in or on the machine, sticks and cards too; None when none are listed."""
    names = tree.names(BLOCK)
    if names is None:
        return None
    return [disk for name in names if _DRIVES.fullmatch(name) and (disk := _disk(tree, name))]


def _disk(tree: Tree, name: str) -> Disk | None:
    """Return a disk; None for one without a medium, or that is elsewhere."""
    folder = f"{BLOCK}/{name}"
    parts = _place(tree, folder)
    size = (tree.number(f"{folder}/size") or 0) * _SECTOR
    if not size or parts is None or not _is_here(tree, parts):
        return None
    bus = _bus(tree, name, parts)
    rotational = tree.number(f"{folder}/queue/rotational")
    spins = {0: "ssd", 1: "hdd"}.get(-1 if rotational is None else rotational)
    return Disk(
        name=name,
        size=size,
        bus=bus,
        media=spins if bus in {"sata", "sas", "nvme"} else None,
        model=_model(tree, folder),
        serial=_serial(tree, folder),
        stays=bus not in {"usb", "sd"} and tree.number(f"{folder}/removable") == 0,
    )


def _place(tree: Tree, folder: str) -> tuple[str, ...] | None:
    """Return the folders on the way to where a device hangs in the machine."""
    try:
        return tree.path(folder).resolve().parts
    except (OSError, RuntimeError):  # a loop of links
        return None


def _is_here(tree: Tree, parts: tuple[str, ...]) -> bool:
    """Tell whether a disk is hardware of this machine, and not made of software or far away."""
    if any(_REMOTE.fullmatch(part) for part in parts):
        return False
    if "virtual" not in parts:
        return True
    # A disk with several paths hangs below none of them; each path tells how it comes.
    if "nvme-subsystem" not in parts:
        return False
    subsystem = f"sys/devices/virtual/nvme-subsystem/{parts[-2]}"
    paths = [name for name in tree.names(subsystem) or () if re.fullmatch(r"nvme\d+", name)]
    carriers = {tree.text(f"{subsystem}/{path}/transport") for path in paths}
    return carriers == {"pcie"}


def _bus(tree: Tree, name: str, parts: tuple[str, ...]) -> str | None:
    """Return the bus; None where it cannot be seen, as behind a RAID controller."""
    if any(re.fullmatch(r"usb\d+", part) for part in parts):
        return "usb"
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith("mmcblk"):
        return "sd" if tree.text(f"{BLOCK}/{name}/device/type") == "SD" else None  # eMMC is neither
    if any(re.fullmatch(r"ata\d+", part) for part in parts):
        host = next((part for part in parts if re.fullmatch(r"host\d+", part)), "")
        driver = tree.text(f"sys/class/scsi_host/{host}/proc_name")
        return "sata" if driver is None or _SATA_DRIVERS.fullmatch(driver) else None
    if any(part.startswith("end_device-") for part in parts):
        return "sata" if tree.text(f"{BLOCK}/{name}/device/vendor") == "ATA" else "sas"
    return None


def _model(tree: Tree, folder: str) -> str | None:
    """Return the model; a SCSI device has its maker apart, and ATA is none."""
    model = said(tree.text(f"{folder}/device/model")) or said(tree.text(f"{folder}/device/name"))
    maker = said(tree.text(f"{folder}/device/vendor"))
    named = model and maker and maker != "ATA" and not maker.startswith("0x")
    return f"{maker} {model}" if named else model


def _serial(tree: Tree, folder: str) -> str | None:
    serial = said(tree.text(f"{folder}/device/serial")) or said(tree.text(f"{folder}/serial"))
    if serial:
        return serial
    page = tree.raw(f"{folder}/device/vpd_pg80", _SERIAL_PAGE.stop)
    return said(page[_SERIAL_PAGE].decode("ascii", "replace")) if page else None


def boot(tree: Tree, disks: list[Disk]) -> tuple[Disk, str] | None:
    """Return the disk the running system was booted from, and what says so.

    That is the one below the file system firmware reads, where all of that lies on one disk. A
    machine that runs from memory, or whose boot file systems are mirrored, does not tell.
    """
    listed = {disk.name: disk for disk in disks}
    for file in _MOUNTS:
        mounts = dict(_mounts(tree.text(file) or ""))
        for point in _BOOT:
            if point in mounts:
                names = set(_below(tree, mounts[point]))
                if len(names) == 1 and (disk := listed.get(names.pop())):
                    return disk, f"/{file}#{point}"
                break  # the surest there is leaves it open
    return None


def _mounts(text: str) -> Iterator[tuple[str, str]]:
    """Yield mount points with the name or number of what is mounted; the last one counts."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 10 and "-" in words[6:]:  # mountinfo
            source = words[words.index("-", 6) + 2 : words.index("-", 6) + 3]
            number = words[2]
            yield words[4], number if not number.startswith("0:") else "".join(source)
        elif len(words) >= 4:
            yield words[1], words[0]


def _below(tree: Tree, device: str, depth: int = 0) -> Iterator[str]:
    """Yield the disks that a device (``8:1``, ``/dev/sda1``, ``dm-0``) is made of."""
    number = re.fullmatch(r"\d{1,4}:\d{1,7}", device)
    name = device.removeprefix("/dev/")
    if depth > _DEPTH or (not number and re.search(r"[^A-Za-z0-9_-]", name)):
        return
    folder = f"sys/dev/block/{device}" if number else f"sys/class/block/{name}"
    parts = _place(tree, folder)
    if parts is None or not tree.path(folder).exists():
        return
    slaves = tree.names(f"{folder}/slaves") or ()
    for slave in slaves:
        yield from _below(tree, slave, depth + 1)
    if not slaves:
        yield parts[-2] if tree.path(f"{folder}/partition").exists() else parts[-1]
