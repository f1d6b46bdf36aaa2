"""Memory, network ports and disks as the kernel counts them."""

from __future__ import annotations

import re
from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

_NET: Final = "sys/class/net"
_BLOCK: Final = "sys/block"
_ETHERNET: Final = 1
_SECTOR: Final = 512  # /sys/block/*/size counts these whatever the disk's own sectors are
_GIGABIT: Final = 1000


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell of memory, ports and disks."""
    _memory(tree, facts)
    _network(tree, facts)
    _storage(tree, facts)


def _memory(tree: Tree, facts: FactBook) -> None:
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", tree.text("proc/meminfo") or "", re.M)
    if found:
        facts.learn("memory.total", int(found[1]) * 1024, Source.PROCFS, "/proc/meminfo#MemTotal")


def _network(tree: Tree, facts: FactBook) -> None:
    """Tell of the Ethernet ports with a device behind them.

    A port without a link has no speed. What the others reach is a lower bound, which is of use when
    it is a gigabit; below that the fastest port is known only when all have told.
    """
    names = tree.names(_NET)
    if names is None:
        return
    ports = [
        name
        for name in names
        if tree.number(f"{_NET}/{name}/type") == _ETHERNET
        and tree.path(f"{_NET}/{name}/device").exists()
    ]
    facts.learn("nics.count", len(ports), Source.PROCFS, f"/{_NET}")
    speeds = [tree.number(f"{_NET}/{name}/speed") or 0 for name in ports]
    fastest = max(speeds, default=0)
    if fastest >= _GIGABIT or (ports and min(speeds) > 0):
        facts.learn("nics.fastest", fastest * 10**6, Source.PROCFS, f"/{_NET}/*/speed")


def _storage(tree: Tree, facts: FactBook) -> None:
    """Tell of the largest disk that stays in the machine: no stick, nothing made of software."""
    sizes = {
        name: (tree.number(f"{_BLOCK}/{name}/size") or 0) * _SECTOR
        for name in tree.names(_BLOCK) or ()
        if _stays(tree, name)
    }
    if any(sizes.values()):
        largest = max(sizes, key=lambda name: sizes[name])
        where = f"/{_BLOCK}/{largest}/size"
        facts.learn("storage.largest", sizes[largest], Source.PROCFS, where)


def _stays(tree: Tree, name: str) -> bool:
    path = tree.path(f"{_BLOCK}/{name}")
    try:
        real = path.resolve()
    except OSError:
        return False
    behind = real.parts
    if "virtual" in behind or any(re.fullmatch(r"usb\d+", part) for part in behind):
        return False
    if re.match(r"(loop|ram|zram|dm-|md|sr|fd|nbd)\d*", name):
        return False
    return tree.number(f"{_BLOCK}/{name}/removable") == 0
