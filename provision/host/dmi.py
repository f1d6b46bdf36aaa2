"""From what a board says of itself to facts: one place for a live machine and for every recording.

A live machine shows its SMBIOS table to root; /sys/class/dmi/id tells the names to everybody.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hwprofiles.cpu import Signature
from hwprofiles.facts import FactBook, Source
from provision.host import smbios, smbios_board
from provision.host.board import (
    Array,
    Board,
    End,
    Module,
    Onboard,
    Port,
    Socket,
    printed,
    said,
    said_uuid,
)
from provision.host.files import Tree

_log = logging.getLogger(__name__)

TABLE: Final = "sys/firmware/dmi/tables/DMI"
ENTRY_POINT: Final = "sys/firmware/dmi/tables/smbios_entry_point"
_ID: Final = "sys/class/dmi/id"

#: What fits no UEFI: the chip of a board that follows SMBIOS 2.5 (2006) or earlier.
_BIOS_ROM: Final = 1 << 20
_BIOS_SMBIOS: Final = (2, 5)
_TPM_VERSIONS: Final = frozenset({"1.2", "2.0"})

_MEDIA: Final = re.compile(r"usb|(?<![a-z])sd(?![a-z])", re.I)
_INSIDE: Final = re.compile(r"hypervisor|(?<![a-z])int(ern(al)?)?(?![a-z])", re.I)
_OUTSIDE: Final = re.compile(r"rear|front|back(?!plane)|(?<![a-z])ext", re.I)
_CARD: Final = re.compile(r"(?<![a-z])sd[ _]?(card|connector|slot)|hypervisor", re.I)


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell what the board of a live machine says."""
    for name, file in (
        ("system.vendor", "sys_vendor"),
        ("system.model", "product_name"),
        ("system.serial", "product_serial"),
        ("firmware.vendor", "bios_vendor"),
        ("firmware.version", "bios_version"),
        ("firmware.date", "bios_date"),
    ):
        facts.learn(name, said(tree.text(f"{_ID}/{file}")), Source.DMI, f"/{_ID}/{file}")
    uuid = said_uuid(tree.text(f"{_ID}/product_uuid"))
    facts.learn("system.uuid", uuid, Source.DMI, f"/{_ID}/product_uuid")
    table = tree.raw(TABLE)
    if table:
        tell_table(table, facts, f"/{TABLE}", tree.raw(ENTRY_POINT))


def tell_table(table: bytes, facts: FactBook, where: str, entry_point: bytes | None = None) -> None:
    """Tell what an SMBIOS table says; ``where`` names it in the evidence."""
    try:
        entry = smbios.entry_point(entry_point or b"")
    except smbios.EntryPointDamaged as error:
        _log.warning("%s: %s", where, error)
        entry = None
    found = smbios.parse(table, entry.count if entry else None)
    tell_board(smbios_board.board(found, entry.version if entry else None), facts, where)


def tell_board(board: Board, facts: FactBook, where: str) -> None:
    """Tell the facts that ``board`` amounts to."""
    if board.end is not End.WHOLE:
        why = "is broken" if board.end is End.BROKEN else "is cut short"
        counts = "" if board.counts else "; nothing in it is counted"
        _log.warning("%s: the SMBIOS table %s%s", where, why, counts)
    facts.learn("smbios.version", board.version, Source.DMI, where)
    _names(board, facts, where)
    _boot_mode(board, facts, f"{where}#0")
    _signature(board.sockets, facts, f"{where}#4")
    if board.counts:
        _sockets(board.sockets, facts, f"{where}#4")
        _memory(board, facts, where)
        _tables(board, facts, where)
    ports = list(dict.fromkeys(name for port in board.ports if (name := internal_port(port))))
    if ports:  # that none is named proves nothing
        facts.learn("ports.internal", ports, Source.DMI, f"{where}#8")
    if board.tpm in _TPM_VERSIONS:
        facts.learn("tpm.present", True, Source.DMI, f"{where}#43")
        facts.learn("tpm.version", board.tpm, Source.DMI, f"{where}#43")


def _names(board: Board, facts: FactBook, where: str) -> None:
    for name, value, structure in (
        ("system.vendor", said(board.system.vendor), 1),
        ("system.model", said(board.system.model), 1),
        ("system.serial", said(board.system.serial), 1),
        ("system.uuid", said_uuid(board.system.uuid), 1),
        ("firmware.vendor", said(board.firmware.vendor), 0),
        ("firmware.version", said(board.firmware.version), 0),
        ("firmware.date", said(board.firmware.date), 0),
    ):
        facts.learn(name, value, Source.DMI, f"{where}#{structure}")


def _boot_mode(board: Board, facts: FactBook, where: str) -> None:
    """Tell of a BIOS that can be nothing else.

    The characteristic "UEFI is supported" says only what the firmware could do; and makers left it
    out for years, so that its absence proves something only of a chip too small for UEFI, on a
    board older than servers with it.
    """
    firmware = board.firmware
    if firmware.uefi is not False or board.version is None or not firmware.rom:
        return
    major, _, minor = board.version.partition(".")
    if (int(major), int(minor)) <= _BIOS_SMBIOS and firmware.rom <= _BIOS_ROM:
        evidence = f"{where} ({firmware.rom >> 10} KiB, SMBIOS {board.version}, no UEFI)"
        facts.learn("firmware.boot_mode", "bios", Source.DMI, evidence)


def _signature(sockets: Sequence[Socket], facts: FactBook, where: str) -> None:
    """Tell of the processors what is the same in all of them."""
    fitted = [socket for socket in sockets if socket.populated is not False]
    archs = {socket.arch for socket in fitted}
    if len(archs) == 1:
        facts.learn("cpu.arch", archs.pop(), Source.DMI, where)
    names = {said(socket.name) for socket in fitted}
    if len(names) == 1 and "cpu.name" not in facts:  # CPUID has the better one
        facts.learn("cpu.name", names.pop(), Source.DMI, where)
    signatures = [socket.signature for socket in fitted]
    for name, field in (
        ("cpu.vendor", "vendor"),
        ("cpu.family", "family"),
        ("cpu.model", "model"),
        ("cpu.stepping", "stepping"),
    ):
        values = {getattr(each, field) if each else None for each in signatures}
        if len(values) == 1:
            facts.learn(name, values.pop(), Source.DMI, where)


def _sockets(sockets: Sequence[Socket], facts: FactBook, where: str) -> None:
    if not sockets:
        return
    facts.learn("cpu.sockets", len(sockets), Source.DMI, where)
    rows = [_socket_row(socket) for socket in sockets]
    facts.learn("cpu.packages", rows, Source.DMI, where)
    fitted = [socket for socket in sockets if socket.populated]
    if not fitted or any(socket.populated is None for socket in sockets):
        return
    facts.learn("cpu.sockets_populated", len(fitted), Source.DMI, where)
    cores = _total(socket.cores for socket in fitted)
    threads = _total(socket.threads for socket in fitted)
    facts.learn("cpu.cores", cores, Source.DMI, where)
    facts.learn("cpu.threads", threads, Source.DMI, where)


def _socket_row(socket: Socket) -> dict[str, Any]:
    row: dict[str, Any] = {
        "socket": said(socket.designation),
        "populated": socket.populated,
    }
    if socket.populated is False:
        return row
    signature = socket.signature
    return row | {
        "name": said(socket.name),
        "cores": socket.cores,
        "threads": socket.threads,
        "signature": f"{_eax(signature):08X}" if signature else None,
    }


def _eax(signature: Signature) -> int:
    """Return the register that decodes to ``signature``."""
    family, model = signature.family, signature.model
    base, extended = min(family, 0xF), max(family - 0xF, 0)
    eax = extended << 20 | model >> 4 << 16 | base << 8 | (model & 0xF) << 4
    return eax | (signature.stepping or 0)


def _memory(board: Board, facts: FactBook, where: str) -> None:
    """Tell of the slots in the arrays that are system memory."""
    arrays = [array for array in board.arrays if array.system]
    slots = _system_memory(arrays, board)
    if slots:
        facts.learn("memory.slots", len(slots), Source.DMI, f"{where}#17")
        rows = [_module_row(slot) for slot in slots]
        facts.learn("memory.dimms", rows, Source.DMI, f"{where}#17")
        fitted = [slot for slot in slots if slot.size != 0]
        if all(slot.size for slot in fitted):
            facts.learn("memory.dimms_populated", len(fitted), Source.DMI, f"{where}#17")
            total = _total(slot.memory for slot in fitted)
            facts.learn("memory.total", total or None, Source.DMI, f"{where}#17")
    capacity = _total(array.capacity for array in arrays)
    facts.learn("memory.max", capacity, Source.DMI, f"{where}#16")
    kinds = {array.ecc for array in arrays}
    if len(kinds) == 1:
        facts.learn("memory.ecc", kinds.pop(), Source.DMI, f"{where}#16")


def _system_memory(arrays: Sequence[Array], board: Board) -> list[Module]:
    """Return the slots of system memory; others hold the firmware's flash and the like.

    A source without handles says so only when all its arrays are of that use.
    """
    if arrays and len(arrays) == len(board.arrays) and arrays[0].handle is None:
        return list(board.modules)
    handles = {array.handle for array in arrays} - {None}
    return [module for module in board.modules if module.array in handles]


def _module_row(module: Module) -> dict[str, Any]:
    """Return a slot's row; boards fill the other fields of an empty one with nonsense."""
    row: dict[str, Any] = {
        "slot": printed(module.slot),
        "bank": printed(module.bank),
        "size": module.size,
    }
    if not module.size:
        return row
    return row | {
        "rank": module.rank,
        "speed": module.speed,
        "type": said(module.type),
        "maker": said(module.maker),
        "part": said(module.part),
        "serial": said(module.serial),
    }


def _total(numbers: Iterable[int | None]) -> int | None:
    """Return the sum; None when one of them is not known, or there is none."""
    listed = list(numbers)
    known = [number for number in listed if number is not None]
    return sum(known) if known and len(known) == len(listed) else None


def _tables(board: Board, facts: FactBook, where: str) -> None:
    ports = [
        {"internal": said(port.internal), "external": said(port.external), "type": said(port.type)}
        for port in board.ports
    ]
    facts.learn("ports.connectors", ports or None, Source.DMI, f"{where}#8")
    devices = list(_onboard(board.onboard))
    facts.learn("onboard.devices", devices or None, Source.DMI, f"{where}#10,41")
    strings = [text for each in board.oem_strings if (text := said(each))]
    facts.learn("system.oem_strings", strings or None, Source.DMI, f"{where}#11")


def _onboard(devices: Sequence[Onboard]) -> Iterator[dict[str, str | None]]:
    """Yield the devices once: many boards list them in both kinds of structure.

    Of each type that kind counts which lists more of them by name, the old one before the new one:
    its names tell the chip.
    """
    for word in dict.fromkeys(device.type for device in devices):
        kinds = [
            [each for each in devices if each.type == word and each.structure == structure]
            for structure in (10, 41)
        ]
        for device in max(
            kinds, key=lambda kind: sum(said(each.name) is not None for each in kind)
        ):
            bare = (said(word) or "").lower().removesuffix(" controller").replace(" ", "-")
            yield {"name": said(device.name), "type": bare or None}


def internal_port(port: Port) -> str | None:
    """Return the name of a USB port or SD slot inside the machine; None for any other port.

    Boards name it in either field. One that says neither "internal" nor "hypervisor" still counts
    where there is a USB or SD designator inside, and no connector or designator outside, unless it
    names a side of the machine.
    """
    inside, outside = said(port.internal), said(port.external)
    for name in (inside, outside):
        if name and (_CARD.search(name) or (_MEDIA.search(name) and _INSIDE.search(name))):
            return name
    if inside is None or outside is not None or port.outside or port.type != "USB":
        return None
    return inside if _MEDIA.search(inside) and not _OUTSIDE.search(inside) else None
