"""Facts of the memory: how much, in which slots, and with what error correction."""

from __future__ import annotations

import re

from provision.bmc.hardware import Book, Part, Row, in_order, place
from provision.bmc.replies import JsonObject
from provision.bmc.values import absent, at, integer, number, serial, text

_GIB, _MIB = 2**30, 2**20
#: Every module ever made is a multiple of this many MiB.
_GRAIN = 256
_RANKS = (None, 1, 2, 4, 8, 16)


def memory(book: Book, system: JsonObject, part: Part) -> None:
    """Tell the memory: the larger of summary and modules; nothing stale while the host is off."""
    slots = [body for body in part.bodies if not _persistent(body)]
    modules = [body for body in slots if not absent(body) and _size(body)]
    summed = sum(_size(body) or 0 for body in modules)
    summary = round((number(system, *_SUMMARY) or 0) * _GIB)
    if total := max(summed, summary):
        where = place(system, *_SUMMARY) if summary >= summed else f"{part.path}#CapacityMiB"
        book.tell("memory.total", total, where)
    if not (part.complete and modules):
        return
    book.tell("memory.dimms_populated", len(modules), part.path)
    book.tell("memory.dimms", in_order(_rows(slots), "slot"), part.path)
    if any(absent(body) for body in slots):
        book.tell("memory.slots", len(slots), part.path)
    kinds = {_ECC.get(_letters(body.get("ErrorCorrection"))) for body in modules}
    if len(kinds) == 1:
        book.tell("memory.ecc", kinds.pop(), f"{part.path}#ErrorCorrection")


_SUMMARY = ("MemorySummary", "TotalSystemMemoryGiB")
_ECC = {
    "noecc": "none",
    "singlebitecc": "single-bit",
    "multibitecc": "multi-bit",
    "addressparity": "parity",
}


def _letters(value: object) -> str:
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _persistent(body: JsonObject) -> bool:
    """Whether a module is storage in a memory slot, and none of it system memory."""
    kept = number(body, "NonVolatileSizeMiB") or 0
    return kept > 0 and at(body, "VolatileSizeMiB") == 0


def _size(body: JsonObject) -> int | None:
    """Return the bytes of a module.

    15625 "MiB" is what a BMC makes of 16384 when it mixes up 1000 and 1024: no such module is
    made, while undoing it gives one that is.
    """
    size = round((number(body, "CapacityMiB") or 0) * _MIB)
    if size % (_GRAIN * _MIB) and size % 10**6 == 0 and size // 10**6 % 1024 == 0:
        size = size // 10**6 * _MIB
    return size or None


def _rows(slots: list[JsonObject]) -> list[Row]:
    """Return the rows; without ranks where they make no sense, as where a BMC counts slots in them.

    Modules of one part number are alike.
    """
    rows = [_row(body) for body in slots]
    ranks = {(row["part"], row["rank"]) for row in rows if row.get("rank")}
    alike = len({part for part, _ in ranks if part}) == len([part for part, _ in ranks if part])
    if alike and all(rank in _RANKS for _, rank in ranks):
        return rows
    return [{name: cell for name, cell in row.items() if name != "rank"} for row in rows]


def _row(body: JsonObject) -> Row:
    """Return a row of the table; an empty slot has its name and size 0."""
    row: dict[str, str | int | None] = {"slot": _slot(body)}
    if absent(body):
        return row | {"size": 0}
    return row | {
        "size": _size(body),
        "rank": integer(body, "RankCount") or None,
        "speed": integer(body, "OperatingSpeedMhz") or None,
        "type": _type(body),
        "maker": text(body, "Manufacturer"),
        "part": text(body, "PartNumber"),
        "serial": serial(body, "SerialNumber"),
    }


def _slot(body: JsonObject) -> str | None:
    """Return the slot as printed on the board; by its numbers where that is not told."""
    printed = text(body, "DeviceLocator") or text(body, "Location", "PartLocation", "ServiceLabel")
    if printed:
        return printed
    numbers = [
        f"{word} {found}"
        for name, word in (("Socket", "CPU"), ("Slot", "DIMM"))
        if (found := integer(body, "MemoryLocation", name)) is not None
    ]
    return " ".join(numbers) if len(numbers) == 2 else text(body, "Id")


def _type(body: JsonObject) -> str | None:
    """Return ``DDR4`` of ``DDR4`` and ``DDR4_SDRAM`` alike."""
    told = (text(body, "MemoryDeviceType") or "").upper().partition("_")[0]
    return told if re.fullmatch(r"(LP)?DDR[2-9]?[A-Z]?", told) else None
