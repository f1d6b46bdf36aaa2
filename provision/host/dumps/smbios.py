"""SMBIOS in binary: a file of ``dmidecode --dump-bin``, or a bare table from /sys/firmware/dmi."""

from __future__ import annotations

from typing import Final

from hwprofiles.facts import FactBook
from provision.host import dmi, smbios, smbios_board
from provision.host.board import End
from provision.host.dumps.text import is_text
from provision.host.errors import DumpDamaged

NAME: Final = "an SMBIOS dump (dmidecode --dump-bin FILE)"

_MARKS: Final = (b"_SM3_", b"_SM_", b"_DMI_")
#: A bare table has no mark: it must begin with so many structures of known types, and have one of
#: a type that all have, which is not too short and names something.
_SOUND: Final = 3
_RESERVED: Final = range(48, 126)
_ALWAYS: Final = {0: 0x12, 1: 0x08}  # type: its least length


def recognises(head: bytes) -> bool:
    """Tell whether ``head`` is an entry point, or the structures of a table."""
    if head.startswith(_MARKS):
        return True
    if is_text(head):
        return False
    structures = smbios.parse(head).structures
    sound = len(structures) >= _SOUND and all(
        each.type not in _RESERVED for each in structures[:_SOUND]
    )
    return sound and any(
        len(each.data) >= _ALWAYS.get(each.type, 0x100) and each.string(0x04) for each in structures
    )


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the table says, all of which must be there where an entry point tells its size."""
    try:
        entry = smbios.entry_point(data)
    except smbios.EntryPointDamaged as error:
        raise DumpDamaged(f"{where} is an SMBIOS dump, but {error}.") from error
    if entry is None:
        dmi.tell_table(data, facts, where)
        return
    table = _table(data, entry, where)
    found = smbios.parse(table, entry.count)
    if found.end is End.CUT:
        raise DumpDamaged(f"{where} is an SMBIOS dump, but its table ends too early.")
    dmi.tell_board(smbios_board.board(found, entry.version), facts, where)


def _table(data: bytes, entry: smbios.EntryPoint, where: str) -> bytes:
    """Return the table. SMBIOS 3 tells only the most it may take, so it may be shorter."""
    table = data[entry.offset : entry.offset + entry.length]
    if not table:
        raise DumpDamaged(
            f"{where} has an SMBIOS entry point, but no table at {entry.offset:#x}, where that says"
            " it is.",
            hint="Make it with: dmidecode --dump-bin FILE",
        )
    if len(table) < entry.length and entry.count is not None:
        raise DumpDamaged(
            f"{where} is cut short: its entry point promises a table of {entry.length} bytes, and"
            f" {len(table)} are there."
        )
    return table
