"""Memory, network ports, disks and PCI devices as the kernel counts them."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from hwprofiles.facts import FactBook, Source
from provision.host import disks, pci
from provision.host.files import Tree

_NET: Final = "sys/class/net"
_ETHERNET: Final = 1
_MEGABIT: Final = 10**6
_GIGABIT: Final = 10**9
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell of memory, ports, disks and PCI devices."""
    _memory(tree, facts)
    _network(tree, facts)
    _storage(tree, facts)
    pci.tell(tree, facts)


def _memory(tree: Tree, facts: FactBook) -> None:
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", tree.text("proc/meminfo") or "", re.M)
    if found:
        facts.learn("memory.total", int(found[1]) * 1024, Source.PROCFS, "/proc/meminfo#MemTotal")


def _network(tree: Tree, facts: FactBook) -> None:
    """Tell of the Ethernet ports.

    A port without a link has no speed. What the others reach is a lower bound, which is of use when
    it is a gigabit; below that the fastest port is known only when all have told.
    """
    names = tree.names(_NET)
    if names is None:
        return
    ports = [name for name in names if _is_port(tree, name)]
    known = pci.Names(tree)
    rows = [_port_row(tree, name, known) for name in ports]
    facts.learn("nics.count", len(ports), Source.PROCFS, f"/{_NET}")
    facts.learn("nics.ports", rows, Source.PROCFS, f"/{_NET}")
    speeds = [row["speed"] or 0 for row in rows]
    fastest = max(speeds, default=0)
    if fastest >= _GIGABIT or (ports and min(speeds) > 0):
        facts.learn("nics.fastest", fastest, Source.PROCFS, f"/{_NET}/*/speed")


def _is_port(tree: Tree, name: str) -> bool:
    """Tell whether an interface is an Ethernet port of the machine.

    A bridge has no device behind it; a virtual function is no port; what hangs on USB is a dongle
    or the BMC's own link to the host.
    """
    device = tree.path(f"{_NET}/{name}/device")
    if tree.number(f"{_NET}/{name}/type") != _ETHERNET or not device.exists():
        return False
    return not (device / "physfn").exists() and not re.search(r"/usb\d+/", os.path.realpath(device))


def _port_row(tree: Tree, name: str, known: pci.Names) -> dict[str, Any]:
    folder = f"{_NET}/{name}"
    # A port of a bond shows the bond's address as its own.
    mac = tree.text(f"{folder}/bonding_slave/perm_hwaddr") or tree.text(f"{folder}/address") or ""
    device = pci.read(tree, f"{folder}/device")
    speed = tree.number(f"{folder}/speed") or 0
    return {
        "name": name,
        "mac": mac.lower() if _MAC.fullmatch(mac.lower()) else None,
        "speed": speed * _MEGABIT if speed > 0 else None,
        "driver": _driver(tree, folder),
        "model": known.device(device) if device else None,
    }


def _driver(tree: Tree, folder: str) -> str | None:
    try:
        return tree.path(f"{folder}/device/driver").readlink().name or None
    except OSError:
        return None


def _storage(tree: Tree, facts: FactBook) -> None:
    """Tell of the disks that stay in the machine, and of the one it was booted from."""
    found = disks.local(tree)
    if found is None:
        return
    drives = [disk for disk in found if disk.stays]
    rows = [drive.row() for drive in drives]
    facts.learn("storage.count", len(drives), Source.PROCFS, f"/{disks.BLOCK}")
    facts.learn("storage.drives", rows, Source.PROCFS, f"/{disks.BLOCK}")
    if drives:
        largest = max(drives, key=lambda drive: drive.size)
        facts.learn("storage.largest", largest.size, Source.PROCFS, f"{largest.path}/size")
    if booted := disks.boot(tree, found):
        disk, where = booted
        facts.learn("boot.device.bus", disk.bus, Source.PROCFS, where)
        facts.learn("boot.device.size", disk.size, Source.PROCFS, where)
        facts.learn("boot.device.model", disk.model, Source.PROCFS, where)
