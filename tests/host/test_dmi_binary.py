"""Dumps of ``dmidecode --dump-bin`` and bare tables: checked before they are believed."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host import smbios
from provision.host.dumps import smbios as reader
from provision.host.errors import DumpDamaged
from tests.host import machines

TABLE = b"".join(
    [
        machines.structure(1, 1, bytes([1, 2, 0, 3]) + bytes(19), "HP", "ProLiant DL580 G5", "X1"),
        machines.structure(2, 2, bytes(4)),
        machines.memory_array(0x10, slots=1),
        machines.module(0x20, 0x10, 16384, names=("DIMM 1A", "Board 1")),
        machines.END,
    ]
)
DUMP = machines.entry_point(TABLE) + TABLE


def entry_point_3(*, length: int, offset: int = 0x20) -> bytes:
    """The 32 bytes before a table of SMBIOS 3, which may be shorter than ``length``."""
    head = struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 0x18, 3, 2, 1, 1, 0, length, offset)
    return head[:5] + bytes([-sum(head) & 0xFF]) + head[6:] + bytes(8)


def values(data: bytes) -> dict[str, object]:
    """The facts of a dump, by name."""
    facts = FactBook()
    reader.tell(data, facts, "x")
    return {name: fact.value for name, fact in facts.items()}


KNOWN = {
    "system.vendor": "HP",
    "system.model": "ProLiant DL580 G5",
    "system.serial": "X1",
    "memory.slots": 1,
    "memory.dimms_populated": 1,
    "memory.total": 16 << 30,
    "memory.max": 64 << 30,
    "memory.ecc": "multi-bit",
    "memory.dimms": ({"slot": "DIMM 1A", "bank": "Board 1", "size": 16 << 30},),
}


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (DUMP, "2.5"),
        (entry_point_3(length=0x10000) + TABLE, "3.2"),
        (machines.entry_point(TABLE, offset=0x40) + bytes(0x20) + TABLE, "2.5"),
        (machines.entry_point(TABLE)[0x10:0x1F] + bytes(0x11) + TABLE, "2.5"),
        (TABLE, None),
    ],
    ids=["SMBIOS 2", "SMBIOS 3", "table elsewhere", "legacy DMI", "bare table"],
)
def test_all_forms(data: bytes, version: str | None) -> None:
    """The same table in each of them says the same."""
    assert reader.recognises(data)
    found = values(data)
    assert found.pop("smbios.version", None) == version
    assert found == KNOWN


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (DUMP[:-1], "cut short"),
        (DUMP[:40], "cut short"),
        (DUMP[:32], "no table"),
        (DUMP[:20], "entry point"),
        (b"_SM_", "entry point"),
        (DUMP[:6] + b"\x03" + DUMP[7:], "checksum"),
        (DUMP[:0x16] + b"\xff" + DUMP[0x17:], "checksum"),
        (DUMP[:5] + b"\x02" + DUMP[6:], "length of 2 bytes"),
        (entry_point_3(length=0x10000) + TABLE[:-4], "ends too early"),
        (entry_point_3(length=0x100, offset=1 << 60) + TABLE, "no table"),
    ],
)
def test_damage_is_told(data: bytes, told: str) -> None:
    """A dump that lacks what its entry point promises is refused, and so is a wrong one."""
    assert reader.recognises(data)
    with pytest.raises(DumpDamaged, match=told):
        values(data)


def test_a_bare_table_that_is_cut() -> None:
    """Nothing promises its size: the structures that are whole tell, and nothing is counted."""
    found = values(TABLE[: -len(machines.END)])
    assert found == {name: KNOWN[name] for name in found}
    assert "memory.total" not in found
    assert found["system.vendor"] == "HP"


@pytest.mark.parametrize(("slots", "counted"), [(1, True), (2, False)])
def test_a_dump_of_a_broken_table(slots: int, counted: bool) -> None:
    """It ends where its firmware broke it; it counts when all slots announced before are there."""
    table = machines.memory_array(0x10, slots=slots) + machines.module(0x20, 0x10, 16384)
    entry = machines.entry_point(table + machines.END)
    found = values(entry + table + bytes(len(machines.END)))
    assert ("memory.total" in found) is counted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4096,
        b"\x7fELF\x02\x01\x01" + bytes(500),
        bytes(range(256)) * 16,
        b"# dmidecode 3.3\n",
        b"APIC\0\0" + b"\x01\x08ab" * 40 + TABLE,
    ],
)
def test_other_binary_data(data: bytes) -> None:
    """It is not taken for a table."""
    assert not reader.recognises(data)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Anything behind a mark, or none, is facts or a clear error."""
    reader.recognises(data)
    for raw in (data, b"_SM_" + data, b"_SM3_" + data, b"_DMI_" + data, DUMP[:32] + data):
        with suppress(ProvisionError):
            values(raw)


@given(st.integers(0, len(DUMP) - 1), st.integers(0, 255), st.integers(0, len(DUMP)))
def test_any_change_of_a_dump(at: int, byte: int, cut: int) -> None:
    """A changed byte or a cut gives facts or a clear error; a cut never gives a smaller total."""
    for raw in (DUMP[:at] + bytes([byte]) + DUMP[at + 1 :], DUMP[:cut]):
        try:
            found = values(raw)
        except ProvisionError:
            continue
        assert raw != DUMP[:cut] or raw == DUMP or "memory.total" not in found


def test_a_table_of_countless_structures() -> None:
    """It ends somewhere."""
    many = machines.structure(200, 1, b"") * 20_000
    assert len(smbios.parse(many).structures) == 10_000
