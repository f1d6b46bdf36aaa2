"""ACPI tables: whether firmware describes an IOMMU, and what it says of it.

DMAR (Intel) or IVRS (AMD) is there when firmware has the IOMMU on. That neither is there proves
something only where all tables are known: a list that may have been cut short proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

DMAR: Final = "DMAR"
TABLES: Final = "sys/firmware/acpi/tables"
#: Tables of IOMMUs; the last two are other architectures' and virtual ones.
_IOMMU: Final = (DMAR, "IVRS")
_OTHERS: Final = frozenset({"IORT", "VIOT"})
#: Tables without which no x86 system starts: a list without them is not the whole.
ALWAYS: Final = frozenset({"FACP", "DSDT", "APIC"})
HEADER: Final = 36
_LONGEST: Final = 16 << 20
_FLAGS_AT: Final = 37  # byte of DMAR: bit 0 INTR_REMAP
_SIGNATURE: Final = re.compile(rb"[A-Z][A-Z0-9_]{3}")


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a machine by signature; ``whole``: there are no others."""

    names: Sequence[str]
    whole: bool
    dmar: bytes | None = None


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell what root may read of a live machine beyond the list of its tables."""
    raw = tree.raw(f"{TABLES}/{DMAR}")
    if raw and is_sound(raw):
        tell_tables(Tables(names=[DMAR], whole=False, dmar=raw), facts, f"/{TABLES}")


def tell_tables(tables: Tables, facts: FactBook, where: str) -> None:
    """Tell of the IOMMU; tells nothing where the tables leave it open."""
    found = next((name for name in _IOMMU if name in tables.names), None)
    if found:
        facts.learn("iommu.present", True, Source.ACPI, f"{where}#{found}")
        facts.learn("iommu.state", "enabled", Source.ACPI, f"{where}#{found}")
    elif tables.whole and not _OTHERS.intersection(tables.names):
        facts.learn("iommu.present", False, Source.ACPI, f"{where} (no DMAR, no IVRS)")
        facts.learn("iommu.state", "disabled", Source.ACPI, f"{where} (no DMAR, no IVRS)")
    if tables.dmar is not None and len(tables.dmar) > _FLAGS_AT:
        remaps = bool(tables.dmar[_FLAGS_AT] & 1)
        facts.learn("iommu.interrupt_remapping", remaps, Source.ACPI, f"{where}#{DMAR} flags")


def is_sound(table: bytes) -> bool:
    """Tell whether ``table`` has the length it says and a checksum that fits."""
    return (
        len(table) >= HEADER
        and int.from_bytes(table[4:8], "little") == len(table)
        and not sum(table) & 0xFF
    )


def begins_table(data: bytes, at: int = 0) -> bool:
    """Tell whether an ACPI table may begin at ``at``: a signature and a length to believe."""
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    return bool(_SIGNATURE.match(data, at)) and HEADER <= length <= _LONGEST


def split(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield signature and bytes of the tables in a row; ends where none begins, or one is cut."""
    at = 0
    while begins_table(data, at):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + length > len(data):
            return
        yield data[at : at + 4].decode("ascii"), data[at : at + length]
        at += length
