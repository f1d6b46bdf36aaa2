"""A live machine's SMBIOS: what its table says, whole, broken and cut, and what it does not say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook, Source
from provision.host import dmi, smbios
from provision.host.board import End, Port, said, said_uuid
from provision.host.files import Tree
from tests.host import machines

#: Family 10h, model 4, stepping 2, as the ID field has it: EAX, then EDX.
SHANGHAI = bytes.fromhex("420f1000fffb8b17")


def cpu(handle: int, *, status: int = 0x41, register: bytes = SHANGHAI, cores: int = 4) -> bytes:
    """A processor (type 4) of SMBIOS 2.5 in socket 1."""
    fields = struct.pack("<BBBB8sB", 1, 3, 0x17, 2, register, 3) + bytes(7) + bytes([status])
    fields += bytes(0x23 - 4 - len(fields)) + bytes([cores, cores, cores]) + bytes(2)
    return machines.structure(4, handle, fields, f"CPU{handle}", "AMD", "Opteron(tm)  2376   ")


def firmware(*, blocks: int = 15, second: int = 4, characteristics: int = 0x90) -> bytes:
    """The firmware (type 0): a chip of ``blocks`` + 1 times 64 KiB, the ``second`` extension."""
    fields = struct.pack("<BBHBBQBB", 1, 2, 0xF000, 3, blocks, characteristics, 3, second)
    return machines.structure(0, 0, fields, "Dell Inc.", "4.2.1", "04/14/2010")


def values(table: bytes, version: tuple[int, int] | None = (2, 5)) -> dict[str, object]:
    """The facts of a table by name."""
    facts = FactBook()
    entry = machines.entry_point(table, version) if version else None
    dmi.tell_table(table, facts, "x", entry)
    return {name: fact.value for name, fact in facts.items()}


def test_board(tmp_path: Path) -> None:
    """Names come from /sys/class/dmi without root; fillers are not names."""
    for name, text in (
        ("sys_vendor", "Dell Inc.\n"),
        ("product_name", "To Be Filled By O.E.M.\n"),
        ("product_uuid", "4C4C4544-0042-4610-8051-B4C04F384A31\n"),
        ("bios_date", "04/14/2010\n"),
    ):
        machines.put(tmp_path, f"sys/class/dmi/id/{name}", text)
    facts = FactBook()
    dmi.tell(Tree(tmp_path), facts)
    assert {name: fact.value for name, fact in facts.items()} == {
        "system.vendor": "Dell Inc.",
        "system.uuid": "4c4c4544-0042-4610-8051-b4c04f384a31",
        "firmware.date": "04/14/2010",
    }


def test_what_root_sees(tmp_path: Path) -> None:
    """The table comes with an entry point; a damaged one costs only what the version decides."""
    table = firmware() + machines.memory_array(0x10, slots=1) + machines.module(0x20, 0x10, 4096)
    table += machines.END
    machines.put(tmp_path, dmi.TABLE, table)
    machines.put(tmp_path, dmi.ENTRY_POINT, machines.entry_point(table))
    facts = FactBook()
    dmi.tell(Tree(tmp_path), facts)
    told = {name: facts[name].value for name in ("smbios.version", "memory.total")}
    assert told == {"smbios.version": "2.5", "memory.total": 4 << 30}
    assert facts["firmware.boot_mode"].path.startswith(f"/{dmi.TABLE}#0 (1024 KiB")
    machines.put(tmp_path, dmi.ENTRY_POINT, b"_SM_" + bytes(28))
    facts = FactBook()
    dmi.tell(Tree(tmp_path), facts)
    assert facts["memory.total"].value == 4 << 30
    assert not {"smbios.version", "firmware.boot_mode"} & set(facts)


def test_the_kernels_brand_string_counts_for_more() -> None:
    """A board may call its CPU anything; what CPUID called it stays."""
    facts = FactBook()
    facts.learn("cpu.name", "Quad-Core AMD Opteron(tm) Processor 2376", Source.PROCFS, "y")
    dmi.tell_table(cpu(1) + machines.END, facts, "x")
    assert facts["cpu.name"].value == "Quad-Core AMD Opteron(tm) Processor 2376"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " -- ",
        "Not Specified",
        "To be filled by O.E.M.",
        "<BAD INDEX>",
        "0000000",
        "(none)",
        "\x00",
    ],
)
def test_fillers_are_no_facts(text: str) -> None:
    """What nobody filled in is not known, however it is written."""
    assert said(text) is None


def test_what_is_said_is_kept() -> None:
    """Names stay as they are, blanks and control characters apart; foreign ones are names too."""
    assert said(" DIMM \x1b[2J A1 ") == "DIMM [2J A1"
    assert said("联想") == "联想"
    assert said_uuid("03000200-0400-0500-0006-000700080009") is None
    assert said_uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF") is None
    assert said_uuid("00000000-0000-0000-0000-00000000000A") is not None


def test_memory_of_the_system() -> None:
    """Slots of system memory count, the firmware's flash does not; phantom slots are listed."""
    table = b"".join(
        [
            machines.memory_array(0x10, slots=3),
            machines.memory_array(0x11, use=5, ecc=3, slots=1),
            machines.module(0x20, 0x10, 16384, names=("A1", "Node1/Bank1")),
            machines.module(0x21, 0x10, 0x7FFF, extended=65536, names=("A1", "Node1/Bank2")),
            machines.module(0x22, 0x10, 0, names=("A2", "BANK 0")),
            machines.module(0x23, 0x11, 16, names=("BIOS", "SPI")),
            machines.END,
        ]
    )
    assert values(table) == {
        "smbios.version": "2.5",
        "memory.slots": 3,
        "memory.dimms_populated": 2,
        "memory.total": 80 << 30,
        "memory.max": 64 << 30,
        "memory.ecc": "multi-bit",
        "memory.dimms": (
            {"slot": "A1", "bank": "Node1/Bank1", "size": 16 << 30},
            {"slot": "A1", "bank": "Node1/Bank2", "size": 64 << 30},
            {"slot": "A2", "bank": "BANK 0", "size": 0},
        ),
    }


def test_a_module_of_unknown_size() -> None:
    """It is neither empty nor counted: the total is unknown, not too small."""
    table = b"".join(
        [
            machines.memory_array(0x10),
            machines.module(0x20, 0x10, 16384),
            machines.module(0x21, 0x10, 0xFFFF),
            machines.END,
        ]
    )
    found = values(table)
    assert found["memory.slots"] == 2
    assert found["memory.dimms"] == ({"size": 16 << 30}, {})
    assert not {"memory.total", "memory.dimms_populated"} & set(found)


def test_processors() -> None:
    """Sockets, an empty one among them; the signature is what the ID field says."""
    table = cpu(1) + cpu(2, status=0, register=bytes(8), cores=0) + machines.END
    found = values(table)
    assert found == {
        "smbios.version": "2.5",
        "cpu.name": "Opteron(tm) 2376",
        "cpu.vendor": "AuthenticAMD",
        "cpu.family": 0x10,
        "cpu.model": 4,
        "cpu.stepping": 2,
        "cpu.sockets": 2,
        "cpu.sockets_populated": 1,
        "cpu.cores": 4,
        "cpu.threads": 4,
        "cpu.packages": (
            {
                "socket": "CPU1",
                "populated": True,
                "name": "Opteron(tm) 2376",
                "cores": 4,
                "threads": 4,
                "signature": "00100F42",
            },
            {"socket": "CPU2", "populated": False},
        ),
    }


def test_processors_that_differ() -> None:
    """Of mixed steppings only what they share is told; each package keeps its own."""
    other = bytes.fromhex("230f1000fffb8b17")
    found = values(cpu(1) + cpu(2, register=other) + machines.END)
    assert (found["cpu.family"], found["cpu.vendor"]) == (0x10, "AuthenticAMD")
    assert not {"cpu.model", "cpu.stepping"} & set(found)
    packages = found["cpu.packages"]
    assert isinstance(packages, tuple)
    assert [row["signature"] for row in packages] == ["00100F42", "00100F23"]


@pytest.mark.parametrize(
    "register",
    ["fffb8b17420f1000", "420f100000000000", "420f100001030000"],
    ids=["halves swapped", "no EDX", "anything for EDX"],
)
def test_boards_that_fill_the_id_in_their_own_way(register: str) -> None:
    """The signature is found where only one half can be one."""
    found = values(cpu(1, register=bytes.fromhex(register)) + machines.END)
    assert (found["cpu.family"], found["cpu.model"]) == (0x10, 4)


@pytest.mark.parametrize(
    ("structure", "version", "mode"),
    [
        (firmware(), (2, 5), "bios"),
        (firmware(second=12), (2, 5), None),
        (firmware(blocks=63), (2, 5), None),
        (firmware(), (2, 7), None),
        (firmware(), None, None),
        (firmware(characteristics=8), (2, 5), None),
    ],
    ids=["bios", "knows UEFI", "4 MiB", "too new", "version lost", "no characteristics"],
)
def test_boot_mode(structure: bytes, version: tuple[int, int] | None, mode: str | None) -> None:
    """Only a small chip of an old board proves a BIOS; that one knows UEFI proves nothing."""
    assert values(structure + machines.END, version).get("firmware.boot_mode") == mode


@pytest.mark.parametrize(
    ("inside", "outside", "connector", "kind", "named"),
    [
        ("SD Card", None, 0, "USB", "SD Card"),
        ("INT_SD", None, 0, "USB", "INT_SD"),
        ("INT_USB2", None, 0, "USB", "INT_USB2"),
        ("USB Port", None, 0, "USB", "USB Port"),
        ("Port6 - Hypervisor Key", None, 0, "USB", "Port6 - Hypervisor Key"),
        ("to USB Hypervisor", "None", 18, "USB", "to USB Hypervisor"),
        ("J9", "USB_HYPERVISOR", 18, "USB", "USB_HYPERVISOR"),
        ("J132", "Internal USB key #1", 18, "USB", "Internal USB key #1"),
        ("J6 - Internal USB", None, 0, "Other", "J6 - Internal USB"),
        ("J3", "SD Connector", 0, "Other", "SD Connector"),
        ("Intern: USB 1", "Intern: USB 1", 0, "USB", "Intern: USB 1"),
        ("USB 3.0 INT1", None, 0, "USB", "USB 3.0 INT1"),
        ("J12", "Rear USB #1", 18, "USB", None),
        ("USB Port 1 Rear", None, 0, "USB", None),
        ("USB1", "USB1", 18, "USB", None),
        ("P2 - TPM Header", None, 0, "Other", None),
        ("SSD", None, 0, "SATA", None),
        ("to IMM", "None", 0, "Network Port", None),
    ],
)
def test_internal_ports(
    inside: str, outside: str | None, connector: int, kind: str, named: str | None
) -> None:
    """Ports for an embedded hypervisor are known by either designator, others are not taken."""
    port = Port(internal=inside, external=outside, outside=connector != 0, type=kind)
    assert dmi.internal_port(port) == named


def test_tables_of_ports_and_devices() -> None:
    """Ports as they are; devices once, though a board lists them in two kinds of structure."""
    old = struct.pack("<BBBB", 0x83, 1, 0x85, 2)
    table = b"".join(
        [
            machines.port(0x30, "SD Card", ""),
            machines.port(0x31, "", "Back USB", connector=18),
            machines.structure(10, 0x40, old, "ES1000 Video", "Broadcom 5708 NIC 1"),
            machines.structure(41, 0x41, bytes([1, 0x85, 1, 0, 0, 0, 0]), "Embedded NIC 1"),
            machines.structure(41, 0x42, bytes([1, 0x8A, 1, 0, 0, 0, 0]), "Integrated RAID"),
            machines.structure(11, 0x43, b"\x02", "Dell System", "Default string"),
            machines.structure(43, 0x44, b"IFX\0\x02\x00" + bytes(20)),
            machines.END,
        ]
    )
    found = values(table)
    assert found["ports.internal"] == ("SD Card",)
    assert found["ports.connectors"] == (
        {"internal": "SD Card", "type": "USB"},
        {"external": "Back USB", "type": "USB"},
    )
    assert found["onboard.devices"] == (
        {"name": "ES1000 Video", "type": "video"},
        {"name": "Broadcom 5708 NIC 1", "type": "ethernet"},
        {"name": "Integrated RAID", "type": "sas"},
    )
    assert found["system.oem_strings"] == ("Dell System",)
    assert (found["tpm.present"], found["tpm.version"]) == (True, "2.0")


def test_a_table_that_is_cut_is_not_counted() -> None:
    """What is there holds; half of the slots are not all of them, and nothing is summed up."""
    whole = firmware() + cpu(1) + cpu(2) + machines.memory_array(0x10, slots=1)
    whole += machines.module(0x20, 0x10, 16384)
    assert values(whole + machines.END)["memory.total"] == 16 << 30
    for cut in range(len(whole)):
        found = values(whole[:cut])
        counted = {name for name in found if name.startswith("memory.")} | {"cpu.sockets"}
        assert not counted & set(found), cut
    assert values(whole[:-1])["cpu.family"] == 0x10


def test_a_table_that_the_firmware_broke() -> None:
    """One that breaks off behind its memory still counts: all announced slots are there."""
    whole = machines.memory_array(0x10, slots=1) + machines.module(0x20, 0x10, 16384)
    assert values(whole + bytes(8))["memory.total"] == 16 << 30
    short = machines.memory_array(0x10, slots=2) + machines.module(0x20, 0x10, 16384)
    assert "memory.total" not in values(short + bytes(8))


def test_the_version_decides_how_a_uuid_is_read() -> None:
    """Its first half is little-endian from SMBIOS 2.6 on; without the version it is not told."""
    raw = bytes(range(0x10, 0x20))
    table = machines.structure(1, 1, bytes(4) + raw + bytes(3)) + machines.END
    assert values(table, (2, 4))["system.uuid"] == "10111213-1415-1617-1819-1a1b1c1d1e1f"
    assert values(table, (2, 8))["system.uuid"] == "13121110-1514-1716-1819-1a1b1c1d1e1f"
    assert values(table, None) == {}


@given(st.binary(max_size=400))
def test_any_bytes_as_smbios(table: bytes) -> None:
    """A damaged table gives fewer facts, never an exception."""
    values(table, None)
    values(table)
    dmi.tell_table(table, FactBook(), "x", b"_SM3_" + table)
    for cut in range(len(machines.END)):
        assert smbios.parse(machines.END[:cut] + table).end in set(End)
