"""The text of dmidecode gives the facts that the table it was made from gives."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host.dumps import dmidecode
from provision.host.errors import DumpDamaged

TEXT = """\
# dmidecode 3.3
Getting SMBIOS data from sysfs.
SMBIOS 2.5 present.
12 structures occupying 1000 bytes.
Table at 0xCFB9C000.

Handle 0x0000, DMI type 0, 24 bytes
BIOS Information
	Vendor: Dell Inc.
	Version: 4.2.1
	Release Date: 04/14/2010
	ROM Size: 1 MB
	Characteristics:
		PCI is supported
		Targeted content distribution is supported
	BIOS Revision: 4.2

Handle 0x0100, DMI type 1, 27 bytes
System Information
	Manufacturer: Dell Inc.
	Product Name: PowerEdge R805
	Serial Number: --
	UUID: 4C4C4544-0042-4610-8051-B4C04F384A31

Handle 0x0400, DMI type 4, 40 bytes
Processor Information
	Socket Designation: CPU1
	Type: Central Processor
	Manufacturer: AMD
	ID: 42 0F 10 00 FF FB 8B 17
	Signature: Family 16, Model 4, Stepping 2
	Version: Quad-Core AMD Opteron(tm) Processor 2376{blanks}
	Status: Populated, Enabled
	Core Count: 4
	Core Enabled: 4
	Thread Count: 4

Handle 0x0401, DMI type 4, 40 bytes
Processor Information
	Socket Designation: CPU2
	Type: Central Processor
	ID: 00 00 00 00 00 00 00 00
	Status: Unpopulated

Handle 0x0807, DMI type 8, 9 bytes
Port Connector Information
	Internal Reference Designator: SD Card
	Internal Connector Type: Other
	External Reference Designator: Not Specified
	External Connector Type: None
	Port Type: USB

Handle 0x0A00, DMI type 10, 8 bytes
On Board Device 1 Information
	Type: Video
	Status: Enabled
	Description: ES1000 Video
On Board Device 2 Information
	Type: Ethernet
	Status: Enabled
	Description: Broadcom 5708 NIC 1{blanks}

Handle 0x0B00, DMI type 11, 5 bytes
OEM Strings
	String 1: Dell System
	String 2: 5[0000]

Handle 0x1000, DMI type 16, 15 bytes
Physical Memory Array
	Location: System Board Or Motherboard
	Use: System Memory
	Error Correction Type: Multi-bit ECC
	Maximum Capacity: 128 GB
	Number Of Devices: 2

Handle 0x1100, DMI type 17, 28 bytes
Memory Device
	Array Handle: 0x1000
	Size: 8192 MB
	Locator: PROC  1 DIMM  1
	Bank Locator: Not Specified
	Type: DDR2
	Speed: 667 MT/s
	Manufacturer: CE00000000000000
	Part Number: M3 93T1K66AZA-CE6{blanks}
	Rank: 2

Handle 0x1101, DMI type 17, 28 bytes
Memory Device
	Array Handle: 0x1000
	Size: No Module Installed
	Locator: PROC  1 DIMM  2
	Type: DDR2
	Manufacturer: NO DIMM

Handle 0x2B00, DMI type 43, 31 bytes
TPM Device
	Vendor ID: IFX
	Specification Version: 2.0	Firmware Revision: 7.85

Handle 0x7F00, DMI type 127, 4 bytes
End Of Table

""".replace("{blanks}", "   ")
KNOWN = {
    "smbios.version": "2.5",
    "system.vendor": "Dell Inc.",
    "system.model": "PowerEdge R805",
    "system.uuid": "4c4c4544-0042-4610-8051-b4c04f384a31",
    "system.oem_strings": ("Dell System", "5[0000]"),
    "firmware.vendor": "Dell Inc.",
    "firmware.version": "4.2.1",
    "firmware.date": "04/14/2010",
    "firmware.boot_mode": "bios",
    "tpm.present": True,
    "tpm.version": "2.0",
    "cpu.name": "Quad-Core AMD Opteron(tm) Processor 2376",
    "cpu.vendor": "AuthenticAMD",
    "cpu.family": 16,
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
            "name": "Quad-Core AMD Opteron(tm) Processor 2376",
            "cores": 4,
            "threads": 4,
            "signature": "00100F42",
        },
        {"socket": "CPU2", "populated": False},
    ),
    "memory.slots": 2,
    "memory.dimms_populated": 1,
    "memory.total": 8 << 30,
    "memory.max": 128 << 30,
    "memory.ecc": "multi-bit",
    "memory.dimms": (
        {
            "slot": "PROC  1 DIMM  1",
            "size": 8 << 30,
            "rank": 2,
            "speed": 667,
            "type": "DDR2",
            "maker": "CE00000000000000",
            "part": "M3 93T1K66AZA-CE6",
        },
        {"slot": "PROC  1 DIMM  2", "size": 0},
    ),
    "ports.internal": ("SD Card",),
    "ports.connectors": ({"internal": "SD Card", "type": "USB"},),
    "onboard.devices": (
        {"name": "ES1000 Video", "type": "video"},
        {"name": "Broadcom 5708 NIC 1", "type": "ethernet"},
    ),
}


def values(text: str) -> dict[str, object]:
    """The facts of a text, by name."""
    facts = FactBook()
    dmidecode.tell(text.encode(), facts, "x")
    return {name: fact.value for name, fact in facts.items()}


def test_a_whole_text() -> None:
    """Every fact of it, with sizes in binary units and locators as they are printed."""
    assert dmidecode.recognises(TEXT.encode())
    assert values(TEXT) == KNOWN


def test_a_quiet_text() -> None:
    """Without handles (-q) it says the same, but for the version and what that proves."""
    lines = TEXT.splitlines(keepends=True)[6:]
    quiet = "".join(line for line in lines if not line.startswith(("Handle", "\tArray Handle")))
    assert dmidecode.recognises(quiet.encode())
    lost = {"smbios.version", "firmware.boot_mode"}
    assert values(quiet) == {name: value for name, value in KNOWN.items() if name not in lost}


def test_a_quiet_text_with_flash() -> None:
    """Without handles no slot belongs to an array for sure, so none is counted."""
    flash = "Physical Memory Array\n\tUse: Flash Memory\n\nMemory Device\n\tSize: 16 MB\n\n"
    memory = "Physical Memory Array\n\tUse: System Memory\n\nMemory Device\n\tSize: 1 GB\n\n"
    text = "BIOS Information\n\tVendor: Phoenix\n\n"
    assert values(text + memory)["memory.total"] == 1 << 30
    assert "memory.total" not in values(text + memory + flash)


def test_some_types_alone() -> None:
    """A text of some types (-t) has no count of structures; what is there counts."""
    head, _, memory = TEXT.partition("Handle 0x1000")
    text = "# dmidecode 3.3\nSMBIOS 2.5 present.\n\nHandle 0x1000" + memory
    assert head
    assert values(text)["memory.total"] == 8 << 30


def test_a_text_that_is_cut_is_not_counted() -> None:
    """Half of the slots are not all of them; the last structure may lack lines, and is left out."""
    for cut in range(TEXT.index("Handle 0x0000"), TEXT.index("Handle 0x7F00"), 17):
        try:
            found = values(TEXT[:cut])
        except DumpDamaged:
            continue
        assert {name: KNOWN[name] for name in found} == found
        assert not {"cpu.sockets", "memory.slots", "memory.total"} & set(found)


def test_two_runs_in_one_file() -> None:
    """What was told twice counts once; two machines in one file are refused."""
    assert values(TEXT + TEXT) == KNOWN
    with pytest.raises(DumpDamaged, match="several machines"):
        values(TEXT + TEXT.replace("PowerEdge R805", "PowerEdge R905"))


def test_flash_is_no_memory() -> None:
    """A slot of an array with another use is not counted."""
    other = "Handle 0x1002, DMI type 16, 15 bytes\nPhysical Memory Array\n\tUse: Flash Memory\n\n"
    other += "Handle 0x1103, DMI type 17, 28 bytes\nMemory Device\n\tArray Handle: 0x1002\n"
    other += "\tSize: 16 MB\n\tLocator: BIOS\n\n"
    assert values(TEXT.replace("Handle 0x2B", other + "Handle 0x2B")) == KNOWN


@pytest.mark.parametrize(
    ("size", "total"),
    [
        ("8192 MB", 8 << 30),
        ("8 GB", 8 << 30),
        ("1 TB", 1 << 40),
        ("524288 kB", 512 << 20),
        ("Unknown", None),
        ("32767 MB", None),
        ("99999999999999999999 GB", None),
        ("-1 MB", None),
    ],
)
def test_sizes(size: str, total: int | None) -> None:
    """All are binary; a size that is not known makes the total unknown, not smaller."""
    assert values(TEXT.replace("8192 MB", size)).get("memory.total") == total


def test_persistent_memory_is_no_working_memory() -> None:
    """Of a module that keeps its content only the volatile part counts."""
    kept = "8192 MB\n\tMemory Technology: Intel Optane DC persistent memory\n\tVolatile Size: "
    assert "memory.total" not in values(TEXT.replace("8192 MB", kept + "None"))
    found = values(TEXT.replace("8192 MB", kept + "2 GB"))
    assert found["memory.total"] == 2 << 30


def test_an_id_that_was_taken_out() -> None:
    """The signature that dmidecode decoded stands in for it."""
    found = values(TEXT.replace("42 0F 10 00 FF FB 8B 17", "--"))
    assert (found["cpu.family"], found["cpu.model"], found["cpu.stepping"]) == (16, 4, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# dmidecode 3.3\n/dev/mem: Permission denied\n", "could not read"),
        ("# dmidecode 3.3\n# No SMBIOS nor DMI entry point found, sorry.\n", "could not read"),
        ("# dmidecode 3.3\n", "no structure"),
    ],
)
def test_a_text_without_structures(text: str, told: str) -> None:
    """It is refused, with what to do."""
    with pytest.raises(DumpDamaged, match=told) as caught:
        values(text)
    assert caught.value.hint


def test_nonsense_of_many_megabytes() -> None:
    """It is refused by its size."""
    with pytest.raises(DumpDamaged, match="larger"):
        dmidecode.tell(b"# dmidecode 3.3\n" + bytes(17 << 20), FactBook(), "x")


@given(st.data())
def test_any_change_of_a_text(data: st.DataObject) -> None:
    """Lines lost, doubled, moved or filled with anything give facts or a clear error."""
    lines = TEXT.splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition(":")[0]
        change = data.draw(st.integers(0, 3))
        if change == 0:
            lines[at] = f"{key}: {data.draw(st.text(max_size=12))}"
        elif change == 1:
            lines[at : at + data.draw(st.integers(0, 20))] = []
        else:
            lines[at:at] = lines[: data.draw(st.integers(0, 30))]
        if not lines:
            return
    with suppress(ProvisionError):
        values("\n".join(lines))
