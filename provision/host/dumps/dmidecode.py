"""The text of ``dmidecode``, of version 2.8 to 3.6: whole, of some types (-t), or quiet (-q)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from hwprofiles.facts import FactBook
from provision.host import dmi
from provision.host.board import (
    Array,
    Board,
    End,
    Firmware,
    Module,
    Onboard,
    Port,
    Socket,
    System,
)
from provision.host.dumps.dmi_blocks import HANDLE, Block, parse
from provision.host.errors import DumpDamaged

NAME: Final = "the text of dmidecode (dmidecode > FILE, as root)"

#: The longest text seen has 0.3 MB.
_LIMIT: Final = 16 << 20
_HEADER: Final = re.compile(r"# dmidecode [0-9]")
_KNOWN: Final = re.compile(
    rb"^(# dmidecode [0-9]|Handle 0x[0-9A-Fa-f]{1,8}, DMI type [0-9]{1,3}, [0-9]{1,5} bytes|"
    rb"(BIOS|System|Base Board|Processor) Information\n\t[A-Z][A-Za-z -]{1,40}:)",
    re.M,
)
_VERSION: Final = re.compile(r"SMBIOS ([0-9]{1,2}\.[0-9]{1,3})(\.[0-9]{1,3})? present\.")
_PROMISED: Final = re.compile(r"([0-9]{1,5}) structures occupying [0-9]{1,9} bytes\.")
_LAST: Final = re.compile(r"^End Of Table$", re.M)
_WHOLE_TABLE: Final = re.compile(r"Table at 0x[0-9A-Fa-f]{1,16}\.")
_BROKEN: Final = re.compile(r"DMI table is broken! Stop\.|Wrong DMI structures (count|length)")
#: Processors that no system runs on; an empty socket may have any other type.
_HELPERS: Final = frozenset({"Math Processor", "DSP Processor", "Video Processor"})
_DENIED: Final = re.compile(r"Permission denied|Operation not permitted|No SMBIOS nor DMI entry")

_ECC: Final = {
    "None": "none",
    "Parity": "parity",
    "Single-bit ECC": "single-bit",
    "Multi-bit ECC": "multi-bit",
    "CRC": "crc",
}
#: What old versions print for a size that stands in a field they do not know.
_NOT_DECODED: Final = 0x7FFF << 20
_EMPTY: Final = frozenset({"No Module Installed", "Not Installed"})
_PERSISTENT: Final = re.compile(r"NVDIMM|Optane|persistent", re.I)
_SIGNATURE: Final = re.compile(
    r"(?:Type [0-9], )?Family ([0-9]{1,3}), Model ([0-9]{1,3}), Stepping ([0-9]{1,2})"
)


def recognises(head: bytes) -> bool:
    """Tell whether ``head`` has dmidecode's first line, a handle, or what a quiet text has."""
    return _KNOWN.search(head) is not None


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the text says."""
    if len(data) > _LIMIT:
        raise DumpDamaged(f"{where} begins like {NAME}, but is larger than any such text.")
    text = data.decode("utf-8", "replace")
    blocks = _once(list(parse(text)), text, where)
    if not blocks:
        if _DENIED.search(text):
            raise DumpDamaged(
                f"{where} is the text of a dmidecode that could not read the SMBIOS table.",
                hint="Run dmidecode as root, on the machine itself.",
            )
        raise DumpDamaged(f"{where} is {NAME}, but no structure is in it.")
    end = _end(text)
    if end is End.CUT:
        del blocks[-1]  # it may lack its last lines
    dmi.tell_board(board(blocks, text, end), facts, where)


def _once(blocks: list[Block], text: str, where: str) -> list[Block]:
    """Return the blocks without those that several runs in one file have told twice."""
    if len(_HEADER.findall(text)) < 2:
        return blocks
    kept: list[Block] = []
    seen: set[str] = set()
    for block in blocks:
        key = repr(block)
        if block.handle is None or key not in seen:
            kept.append(block)
        seen.add(key)
    if sum(block.type == 1 for block in kept) > 1:
        raise DumpDamaged(
            f"{where} holds the text of several machines.",
            hint="Give the text of each machine in a file of its own.",
        )
    return kept


def _end(text: str) -> End:
    """Return how the text ends; one of some types only (-t) does not say what it should hold."""
    promised = _PROMISED.search(text)
    if _LAST.search(text):
        return End.WHOLE
    if _BROKEN.search(text):
        return End.BROKEN
    if promised:
        told = sum(1 for _ in HANDLE.finditer(text))
        return End.WHOLE if told >= int(promised[1]) else End.CUT
    return End.CUT if _WHOLE_TABLE.search(text) else End.WHOLE


def board(blocks: list[Block], text: str, end: End) -> Board:
    """Return what the blocks say."""
    of: defaultdict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        of[block.type].append(block)
    version = _VERSION.search(text)
    central = [each for each in of[4] if each.fields.get("Type") not in _HELPERS]
    return Board(
        end=end,
        version=version[1] if version else None,
        firmware=_firmware(of[0][0]) if of[0] else Firmware(),
        system=_system(of[1][0]) if of[1] else System(),
        sockets=tuple(map(_socket, central)),
        arrays=tuple(map(_array, of[16])),
        modules=tuple(map(_module, of[17])),
        ports=tuple(map(_port, of[8])),
        onboard=tuple(_onboard(each) for each in of[10] + of[41]),
        oem_strings=tuple(
            value for each in of[11] for key, value in each.fields.items() if "String " in key
        ),
        tpm=next(filter(None, map(_tpm, of[43])), None),
    )


def _firmware(block: Block) -> Firmware:
    characteristics = block.lists.get("Characteristics", ())
    told = block.length >= 0x14 and "BIOS characteristics not supported" not in characteristics
    return Firmware(
        vendor=block.fields.get("Vendor"),
        version=block.fields.get("Version"),
        date=block.fields.get("Release Date"),
        rom=block.size("ROM Size"),
        uefi="UEFI is supported" in characteristics if told and characteristics else None,
    )


def _system(block: Block) -> System:
    return System(
        vendor=block.fields.get("Manufacturer"),
        model=block.fields.get("Product Name"),
        serial=block.fields.get("Serial Number"),
        uuid=block.fields.get("UUID"),
    )


def _socket(block: Block) -> Socket:
    status = block.fields.get("Status", "")
    populated = {"Populated": True, "Unpopulated": False}.get(status.partition(",")[0])
    return Socket(
        designation=block.fields.get("Socket Designation"),
        maker=block.fields.get("Manufacturer"),
        name=block.fields.get("Version"),
        arch=_ARCHITECTURES.get(block.fields.get("Family", "")),
        populated=populated,
        cores=block.number("Core Enabled") or block.number("Core Count"),
        threads=block.number("Thread Count"),
        registers=_registers(block),
    )


#: Processor families that are no x86, as dmidecode prints them.
_ARCHITECTURES: Final = {
    "ARM": "other",
    "ARMv7": "other",
    "ARMv8": "arm64",
    "ARMv9": "arm64",
    "RV32": "other",
    "RV64": "other",
    "RV128": "other",
}


def _registers(block: Block) -> tuple[int, int] | None:
    """Return the ID's halves; where it was taken out of the text, EAX by the signature."""
    raw = block.fields.get("ID", "")
    if re.fullmatch(r"([0-9A-F]{2} ){7}[0-9A-F]{2}", raw):
        data = bytes.fromhex(raw)
        return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")
    found = _SIGNATURE.fullmatch(block.fields.get("Signature", ""))
    if not found:
        return None
    family, model, stepping = (int(number) for number in found.groups())
    if family > 0x10E or model > 0xFF or stepping > 0xF:
        return None
    base = min(family, 0xF)
    eax = (family - base) << 20 | model >> 4 << 16 | base << 8 | (model & 0xF) << 4 | stepping
    return eax, 0


def _array(block: Block) -> Array:
    return Array(
        handle=block.handle,
        system=block.fields.get("Use") == "System Memory",
        ecc=_ECC.get(block.fields.get("Error Correction Type", "")),
        capacity=block.size("Maximum Capacity") or None,
        devices=block.number("Number Of Devices"),
    )


def _module(block: Block) -> Module:
    size = 0 if block.fields.get("Size") in _EMPTY else block.size("Size")
    if size == _NOT_DECODED:
        size = None
    memory = size
    if _PERSISTENT.search(block.fields.get("Memory Technology", "")):
        volatile = block.fields.get("Volatile Size")
        memory = 0 if volatile == "None" else block.size("Volatile Size")
    array = re.fullmatch(r"0x([0-9A-Fa-f]{1,8})", block.fields.get("Array Handle", ""))
    return Module(
        array=int(array[1], 16) if array else None,
        slot=block.fields.get("Locator"),
        bank=block.fields.get("Bank Locator"),
        size=size,
        memory=memory,
        rank=block.number("Rank"),
        speed=block.number("Speed"),
        type=block.fields.get("Type"),
        maker=block.fields.get("Manufacturer"),
        part=block.fields.get("Part Number"),
        serial=block.fields.get("Serial Number"),
    )


def _port(block: Block) -> Port:
    return Port(
        internal=block.fields.get("Internal Reference Designator"),
        external=block.fields.get("External Reference Designator"),
        outside=block.fields.get("External Connector Type") != "None",
        type=block.fields.get("Port Type"),
    )


def _onboard(block: Block) -> Onboard:
    name = block.fields.get("Reference Designation" if block.type == 41 else "Description")
    return Onboard(structure=block.type, name=name, type=block.fields.get("Type"))


def _tpm(block: Block) -> str | None:
    found = re.match(
        r"[0-9]{1,2}\.[0-9]{1,2}(?![0-9.])", block.fields.get("Specification Version", "")
    )
    return found[0] if found else None
