"""ACPI tables: whether there is an IOMMU, and when a list proves that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host import acpi, dumps, read_facts
from provision.host.errors import DumpDamaged, DumpUnknown
from tests.host import machines

LISTING = ["APIC", "DMAR", "DSDT", "FACP", "FACS", "HPET", "MCFG", "SSDT1", "data", "dynamic"]


def table(name: str, body: bytes = b"", *, checksum: int | None = None) -> bytes:
    """A table with a header, and a checksum that fits unless another is given."""
    raw = bytearray(name.encode() + (acpi.HEADER + len(body)).to_bytes(4, "little"))
    raw += bytes(acpi.HEADER - len(raw)) + body
    raw[9] = -sum(raw) & 0xFF if checksum is None else checksum
    return bytes(raw)


def dmar(flags: int = 1) -> bytes:
    """A DMAR table with one remapping unit."""
    return table("DMAR", bytes([45, flags]) + bytes(10) + bytes(16))


def dumped(*tables: bytes) -> str:
    """What acpidump prints of tables."""
    lines = []
    for raw in tables:
        lines.append(f"{raw[:4].decode()} @ 0x0000000000000000")
        for at in range(0, len(raw), 16):
            row = raw[at : at + 16]
            text = "".join(chr(byte) if 32 < byte < 127 else "." for byte in row)
            lines.append(f"    {at:04X}: {row.hex(' ').upper():<47}  {text}")
        lines.append("")
    return "\n".join([*lines, ""])


def listed(*names: str, found: int | None = None) -> str:
    """What acpixtract -l prints of tables."""
    rows = [
        f' {at:02})  {name}  0x00000050  0x01  "DELL  "  "PE_SC3  "  0x00000001  "DELL"'
        for at, name in enumerate(names, 1)
    ]
    end = f"\nFound {len(names) if found is None else found} ACPI tables in acpidump\n"
    return "\n".join(["Intel ACPI Component Architecture", "", *rows, end])


def told(data: bytes | str) -> tuple[object, object, object]:
    """Present, state and interrupt remapping; None for what is not told."""
    facts = dumps.read(data.encode() if isinstance(data, str) else data, "acpi")
    names = ("iommu.present", "iommu.state", "iommu.interrupt_remapping")
    present, state, remaps = (facts[name].value if name in facts else None for name in names)
    return present, state, remaps


ON, OFF = (True, "enabled", None), (False, "disabled", None)
ALWAYS = [table("APIC", bytes(8)), table("DSDT", b"x"), table("FACP", bytes(40))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (dmar(), (True, "enabled", True)),
        (dmar(0), (True, "enabled", False)),
        (table("IVRS", bytes(12)), ON),
        (table("SSDT") + table("IVRS", bytes(12)) + table("SSDT"), ON),
        (dumped(dmar(), *ALWAYS), (True, "enabled", True)),
        (dumped(*ALWAYS), OFF),
        (listed("APIC", "DSDT", "DMAR", "FACP"), ON),
        (listed("APIC", "DSDT", "FACP"), OFF),
        (
            listed("APIC", "DSDT", "DMAR", "FACP") + dumped(dmar()).partition("\n")[2],
            (True, "enabled", True),
        ),
        ("\n".join(LISTING) + "\n", ON),
        ("\n".join(name for name in LISTING if name != "DMAR") + "\n", OFF),
        (
            "total 0\n"
            + "".join(f"-r-------- 1 root root  72 Nov 25 01:47 {name}\n" for name in LISTING),
            ON,
        ),
    ],
)
def test_forms(data: bytes | str, expected: tuple[object, ...]) -> None:
    """Tables, their dumps and their lists all tell the same of the same machine."""
    assert told(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        listed("APIC", "DSDT", "FACP", found=4),
        listed("APIC", "DSDT", "FACP").partition("Found")[0],
        listed("SSDT", "MCFG"),
        listed("APIC", "DSDT", "FACP", "IORT"),
        "APIC\nDSDT\nFACP\n",  # may go on
        "DSDT\nAPIC\nFACP\nSSDT\n",  # in no order: lines may be missing
        table("FACP", bytes(40)),
        dumped(*ALWAYS)[:-60],
        dumped(*ALWAYS[:2]),
        dumped(table("XSDT", bytes(8 * 9)), *ALWAYS),  # which names nine of them
    ],
)
def test_an_absence_that_is_not_proved(data: bytes | str) -> None:
    """A list that may be longer never says that there is no IOMMU."""
    with pytest.raises(DumpDamaged) as caught:
        told(data)
    assert "DMAR nor IVRS" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        table("DMAR", bytes(20), checksum=1),
        dmar()[:-1],
        dmar() + b"DMAR",
        dumped(dmar())[:-90],
        dumped(dmar()).replace("0010:", "0020:"),
    ],
)
def test_damaged_tables(data: bytes | str) -> None:
    """A table that is cut or whose checksum is wrong is no evidence."""
    with pytest.raises((DumpDamaged, DumpUnknown)):
        told(data)


def test_a_live_machine(tmp_path: Path) -> None:
    """Root sees the table itself, and what it says of interrupt remapping."""
    for name, data in (("APIC", b""), ("DMAR", dmar())):
        machines.put(tmp_path, f"sys/firmware/acpi/tables/{name}", data)
    facts = read_facts(tmp_path)
    assert facts["iommu.present"].value is True
    assert facts["iommu.interrupt_remapping"].value is True
    machines.put(tmp_path, "sys/firmware/acpi/tables/DMAR", dmar()[:40])
    assert "iommu.interrupt_remapping" not in read_facts(tmp_path)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_as_tables(body: bytes, cut: int) -> None:
    """Damaged tables are refused in words."""
    raw = (table("FACP", body) + dmar() + body)[:cut]
    assert all(name for name, _ in acpi.split(raw))
    try:
        dumps.read(raw, "acpi")
    except ProvisionError as error:
        assert "acpi" in str(error)  # noqa: PT017 - either outcome will do
    acpi.tell_tables(acpi.Tables(names=[], whole=False, dmar=body), FactBook(), "x")


@given(
    st.lists(
        st.sampled_from(
            [*dumped(dmar(), *ALWAYS).split("\n"), *LISTING, *listed("DMAR", "FACP").split("\n")]
        ),
        max_size=30,
    )
)
def test_any_lines(lines: list[str]) -> None:
    """Lines of all forms in any order are read or refused in words."""
    try:
        dumps.read("\n".join(lines).encode(), "acpi")
    except ProvisionError as error:
        assert error.hint  # noqa: PT017 - either outcome will do
