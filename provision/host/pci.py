"""PCI devices as the kernel lists them: GPUs, virtual functions, and what devices are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

DEVICES: Final = "sys/bus/pci/devices"
#: Where distributions keep the names; a small ramdisk has none, and ids must do.
_NAMES: Final = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")

_DISPLAY: Final = 0x03
_3D: Final = 0x0302
_ACCELERATOR: Final = 0x1200
_AMD: Final = 0x1002
#: Makers of chips that only draw: BMCs', those of old servers, and those of virtual machines.
_DRAWING: Final = frozenset(
    {
        0x1013,  # Cirrus Logic
        0x102B,  # Matrox: G200 in iDRAC, iLO and XCC
        0x1039,  # SiS
        0x1050,  # Nuvoton
        0x1234,  # QEMU
        0x126F,  # Silicon Motion
        0x1414,  # Hyper-V
        0x15AD,  # VMware
        0x18CA,  # XGI: Volari of old Supermicro and Fujitsu boards
        0x19E5,  # Huawei iBMC
        0x1A03,  # ASPEED
        0x1AF4,  # virtio
        0x1B36,  # QXL
        0x80EE,  # VirtualBox
    }
)
#: Chips of ATI that servers had on board: Rage XL, RV100 (Radeon 7000), RN50 (ES1000).
_ATI_ON_BOARD: Final = frozenset(
    {0x4750, 0x4752, 0x4753, 0x4754, 0x4758, 0x4759, 0x5159, 0x515A, 0x515E, 0x5969}
)
_GPU_MAKERS: Final = {0x10DE: "NVIDIA", _AMD: "AMD", 0x8086: "Intel"}


@dataclass(frozen=True, kw_only=True)
class Device:
    """A function of a PCI device; ``kind`` is its class and subclass."""

    address: str
    vendor: int
    device: int
    kind: int

    @property
    def ids(self) -> str:
        """Its vendor and device in hex, as ``lspci -n`` prints them."""
        return f"{self.vendor:04x}:{self.device:04x}"

    @property
    def is_gpu(self) -> bool:
        """Whether it computes or draws for people, and is no BMC's or virtual machine's screen."""
        if self.kind == _3D:
            return True
        if self.kind == _ACCELERATOR:
            return self.vendor == _AMD  # Instinct; other makers' are of all kinds
        if self.kind >> 8 != _DISPLAY or self.vendor in _DRAWING:
            return False
        return not (self.vendor == _AMD and self.device in _ATI_ON_BOARD)


class Names:
    """What the machine's own list of PCI ids calls a device."""

    def __init__(self, tree: Tree) -> None:
        self._text = next(filter(None, map(tree.text, _NAMES)), "")

    def vendor(self, device: Device) -> str | None:
        """Return the maker's name; None when the list does not have it."""
        found = re.search(rf"^{device.vendor:04x}  (.+)$", self._text, re.M)
        return found[1].strip() if found else None

    def device(self, device: Device) -> str:
        """Return the device's name, else its ids."""
        begin = re.search(rf"^{device.vendor:04x}  .*\n", self._text, re.M)
        if begin:
            lines = re.compile(r"(?:[\t#].*\n|\n)*").match(self._text, begin.end())
            found = re.search(rf"^\t{device.device:04x}  (.+)$", lines[0] if lines else "", re.M)
            if found:
                return found[1].strip()
        return device.ids


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell of GPUs and of virtual functions; nothing where no devices are listed."""
    found = list(devices(tree))
    if not found:
        return
    names = Names(tree)
    gpus = [device for device in found if device.is_gpu and not is_virtual(tree, device.address)]
    rows = [
        {
            "name": names.device(gpu),
            "vendor": _GPU_MAKERS.get(gpu.vendor) or names.vendor(gpu),
        }
        for gpu in gpus
    ]
    facts.learn("gpus.cards", rows, Source.PROCFS, f"/{DEVICES}")
    facts.learn("gpus.count", len(rows), Source.PROCFS, f"/{DEVICES}")
    _virtual_functions(tree, found, facts)


def devices(tree: Tree) -> Iterator[Device]:
    """Yield the devices the kernel lists."""
    for address in tree.names(DEVICES) or ():
        if device := read(tree, f"{DEVICES}/{address}"):
            yield device


def read(tree: Tree, folder: str) -> Device | None:
    """Return the device whose files are in ``folder``; None when it is no PCI device."""
    numbers = [
        _hexadecimal(tree.text(f"{folder}/{name}")) for name in ("vendor", "device", "class")
    ]
    vendor, device, kind = numbers
    if vendor is None or device is None or kind is None:
        return None
    return Device(address=folder.rpartition("/")[2], vendor=vendor, device=device, kind=kind >> 8)


def is_virtual(tree: Tree, address: str) -> bool:
    """Tell whether a device is a virtual function of another one."""
    return tree.path(f"{DEVICES}/{address}/physfn").exists()


def _virtual_functions(tree: Tree, found: list[Device], facts: FactBook) -> None:
    """Tell whether some device offers virtual functions.

    The kernel has the number for each device with the capability; where it has none at all, it may
    have been built without.
    """
    most: dict[str, int] = {}
    for device in found:
        number = tree.number(f"{DEVICES}/{device.address}/sriov_totalvfs")
        if number is not None:
            most[device.address] = number
    if most:
        best = max(most, key=lambda address: most[address])
        where = f"/{DEVICES}/{best}/sriov_totalvfs"
        facts.learn("sriov.capable", most[best] > 0, Source.PROCFS, where)


def _hexadecimal(text: str | None) -> int | None:
    """Return a number such as ``0x10de``."""
    found = re.fullmatch(r"0x([0-9a-f]{1,8})", text or "")
    return int(found[1], 16) if found else None
