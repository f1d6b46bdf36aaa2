"""What ``hardware-detect`` wrote, and cardiff compares: a Python list of tuples of class, item,
property and value. Newer versions write the same as JSON."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hwprofiles.cpu import vendor_of
from hwprofiles.facts import FactBook, Source
from provision.host.board import printed, said, said_uuid
from provision.host.errors import DumpDamaged

NAME: Final = "the list of hardware-detect, as cardiff reads it"

#: A list of this size takes seconds to read; the longest seen has 0.03 MB.
_LIMIT: Final = 1 << 20
_BEGINS: Final = re.compile(rb"\s*\[\s*[(\[]\s*u?['\"][a-z_]{1,20}['\"],\s*u?['\"]")
_DISK: Final = re.compile(r"[shv]d[a-z]+|nvme\d+n\d+")
#: Volumes of RAID controllers. A stick looks like any other SCSI disk here.
_VOLUME: Final = re.compile(r"LOGICAL VOLUME|PERC|RAID|VIRTUAL[- ]?DISK|BOSS", re.I)
_FLASH: Final = re.compile(r"flash|rom\b|non-volatile", re.I)
_MEMORY: Final = re.compile(r"\b(?:LP)?DDR\d?\b(?: FB-DIMM)?|\bSDRAM\b")
_SPEED: Final = re.compile(r"(\d{1,6})([MG])bit/s")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_GIGABIT: Final = 10**9

#: The properties of the items of one class.
Items = dict[str, dict[str, str]]


def recognises(head: bytes) -> bool:
    """Tell whether ``head`` begins a list of tuples of words."""
    return _BEGINS.match(head) is not None


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the list says."""
    found = _read(data, where)
    _system(found, facts, where)
    _processors(found.get("cpu", {}), facts, f"{where}#cpu")
    _memory(found.get("memory", {}), facts, f"{where}#memory")
    _network(found.get("network", {}), facts, f"{where}#network")
    _disks(found.get("disk", {}), facts, f"{where}#disk")


def _read(data: bytes, where: str) -> Mapping[str, Items]:
    if len(data) > _LIMIT:
        raise DumpDamaged(f"{where} begins like {NAME}, but is larger than any such list.")
    try:
        rows = ast.literal_eval(data.decode("utf-8", "replace").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise DumpDamaged(f"{where} begins like {NAME}, but is no list in Python.") from error
    if not isinstance(rows, list):
        raise DumpDamaged(f"{where} begins like {NAME}, but is no list.")
    found: dict[str, Items] = {}
    for row in rows:
        if not isinstance(row, tuple | list) or len(row) != 4:
            raise DumpDamaged(f"{where}: each entry of {NAME} has four parts, and one has not.")
        kind, item, name, value = (str(part) for part in row)
        found.setdefault(kind, {}).setdefault(item, {}).setdefault(name, value)
    return found


def _system(found: Mapping[str, Items], facts: FactBook, where: str) -> None:
    product = found.get("system", {}).get("product", {})
    bios = found.get("firmware", {}).get("bios", {})
    for name, value in (
        ("system.vendor", said(product.get("vendor"))),
        ("system.model", said(product.get("name"))),
        ("system.serial", said(product.get("serial"))),
        ("system.uuid", said_uuid(product.get("uuid"))),
        ("firmware.vendor", said(bios.get("vendor"))),
        ("firmware.version", said(bios.get("version"))),
        ("firmware.date", said(bios.get("date"))),
    ):
        kind = "system" if name.startswith("system") else "firmware"
        facts.learn(name, value, Source.DUMP, f"{where}#{kind}")


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else None


def _total(numbers: Iterable[int | None]) -> int | None:
    """Return the sum; None when one of them is not known, or there is none."""
    listed = list(numbers)
    known = [number for number in listed if number is not None]
    return sum(known) if known and len(known) == len(listed) else None


def _same(values: Iterable[Any]) -> Any:
    """Return what all ``values`` are; None when they differ."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _processors(items: Items, facts: FactBook, where: str) -> None:
    packages = [item for name, item in items.items() if re.fullmatch(r"physical_\d+", name)]
    count = _number(items.get("physical", {}).get("number"))
    facts.learn("cpu.sockets_populated", count, Source.DUMP, where)
    if not packages or len(packages) != count:
        return
    rows = [
        {
            "name": said(package.get("product")),
            "populated": True,
            "cores": _number(package.get("enabled_cores") or package.get("cores")),
            "threads": _number(package.get("threads")),
        }
        for package in packages
    ]
    facts.learn("cpu.packages", rows, Source.DUMP, where)
    facts.learn("cpu.name", _same(row["name"] for row in rows), Source.DUMP, where)
    vendors = (vendor_of(package.get("vendor")) for package in packages)
    facts.learn("cpu.vendor", _same(vendors), Source.DUMP, where)
    for name in ("family", "model", "stepping"):
        value = _same(_number(package.get(name)) for package in packages)
        facts.learn(f"cpu.{name}", value, Source.DUMP, where)
    for column in ("cores", "threads"):
        total = _total(_number(str(row[column])) for row in rows)
        facts.learn(f"cpu.{column}", total, Source.DUMP, where)


def _memory(items: Items, facts: FactBook, where: str) -> None:
    """Tell of the slots; where some share a name and so are lost, only of the total."""
    banks = {name: item for name, item in items.items() if name.startswith("bank")}
    listed = _number(banks.pop("banks", {}).get("count"))
    slots = [item for item in banks.values() if not _FLASH.search(item.get("description", ""))]
    if not slots or len(banks) != listed:
        total = _number(items.get("total", {}).get("size"))
        facts.learn("memory.total", total, Source.DUMP, where)
        return
    rows = [_slot(item) for item in slots]
    fitted = [row for row in rows if row["size"] != 0]
    facts.learn("memory.slots", len(rows), Source.DUMP, where)
    facts.learn("memory.dimms", rows, Source.DUMP, where)
    if (total := _total(row["size"] for row in fitted)) is not None:
        facts.learn("memory.dimms_populated", len(fitted), Source.DUMP, where)
        facts.learn("memory.total", total, Source.DUMP, where)


def _slot(item: Mapping[str, str]) -> dict[str, Any]:
    description = item.get("description", "")
    row: dict[str, Any] = {"slot": printed(item.get("slot")), "size": _number(item.get("size"))}
    if row["size"] is None and "[empty]" in description:
        row["size"] = 0
    if not row["size"]:
        return row
    kind = _MEMORY.search(description)
    clock = _number(item.get("clock"))
    return row | {
        "speed": clock // 10**6 if clock else None,
        "type": kind[0] if kind else None,
        "maker": said(item.get("vendor")),
        "part": said(item.get("product")),
        "serial": said(item.get("serial")),
    }


def _network(items: Items, facts: FactBook, where: str) -> None:
    """Tell of the ports on PCI; all others are made of software, or radio."""
    ports = {
        name: item
        for name, item in items.items()
        if item.get("businfo", "").startswith("pci@") and not name.startswith(("wl", "ww", "ib"))
    }
    if not ports:
        return
    rows = [_port(name, item) for name, item in ports.items()]
    facts.learn("nics.count", len(rows), Source.DUMP, where)
    facts.learn("nics.ports", rows, Source.DUMP, where)
    speeds = [row["speed"] or 0 for row in rows]
    if max(speeds) >= _GIGABIT or min(speeds) > 0:
        facts.learn("nics.fastest", max(speeds), Source.DUMP, where)


def _port(name: str, item: Mapping[str, str]) -> dict[str, Any]:
    speed = _SPEED.fullmatch(item.get("speed", ""))
    mac = item.get("serial", "").lower()
    return {
        "name": name,
        "mac": mac if _MAC.fullmatch(mac) else None,
        "speed": int(speed[1]) * (10**9 if speed[2] == "G" else 10**6) if speed else None,
        "driver": said(item.get("driver")),
        "model": said(item.get("product")),
    }


def _disks(items: Items, facts: FactBook, where: str) -> None:
    """Tell of the disks that surely stay in the machine; counted only where that is known of all.

    Sizes are whole gigabytes, rounded down.
    """
    disks = {name: item for name, item in items.items() if _DISK.fullmatch(name)}
    stays = {name: _stays(name, item) for name, item in disks.items()}
    rows = [_drive(name, disks[name]) for name, here in stays.items() if here]
    facts.learn("storage.drives", rows or None, Source.DUMP, where)
    if rows and None not in stays.values():
        facts.learn("storage.count", len(rows), Source.DUMP, where)
        sizes = [row["size"] for row in rows]
        if None not in sizes:
            facts.learn("storage.largest", max(sizes), Source.DUMP, where)


def _stays(name: str, item: Mapping[str, str]) -> bool | None:
    """Tell whether a disk stays in the machine; None where the list does not say."""
    if item.get("id", "").startswith("usb"):
        return False
    known = name.startswith("nvme") or item.get("vendor") == "ATA" or "id" in item
    return True if known or _VOLUME.search(item.get("model", "")) else None


def _drive(name: str, item: Mapping[str, str]) -> dict[str, Any]:
    gigabytes = _number(item.get("size"))
    maker, model = said(item.get("vendor")), said(item.get("model"))
    nvme = name.startswith("nvme")
    return {
        "name": name,
        "model": f"{maker} {model}" if maker and model and maker != "ATA" else model,
        "size": gigabytes * 10**9 if gigabytes else None,
        "bus": "nvme" if nvme else "sata" if maker == "ATA" else None,
    }
