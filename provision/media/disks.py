"""What can be said of one disk, and of those who use it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: What is written in the end: ``file``, device, inode; or ``block``, major, minor.
Medium = tuple[str, int, int]


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
