"""CPUs and boards: signatures, the table of what parts can do, and SMBIOS dumps."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from hwprofiles.cpu import Signature
from hwprofiles.facts import FactBook
from provision.host import dmi, smbios


def test_signatures_of_libvirt(hardware: Path) -> None:
    """libvirt's own decoding of 26 signatures is ours."""
    files = sorted((hardware / "libvirt-cputestdata").glob("*.sig"))
    assert len(files) >= 20
    for file in files:
        text = file.read_text()
        eax = int(text.split()[0], 16)
        numbers = [int(number) for number in re.findall(r":\s+(\d+) ", text)]
        signature = Signature.from_eax("any", eax)
        assert [signature.family, signature.model, signature.stepping] == numbers, file.name


def test_the_table_agrees_with_recorded_cpus(hardware: Path) -> None:
    """Where a dump tells of VMX, SVM, EPT or NPT, the table says the same or nothing."""
    with (hardware / "cpuid-index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    settled = 0
    for row in rows:
        flags = set(row["features"].split())
        told = dict(flag.split("=", 1) for flag in flags if "=" in flag)
        eax = int(row["signature"], 16)
        signature = Signature.from_eax(told["vendor"], eax)
        assert (signature.family, signature.model) == (
            int(told["family"], 16),
            int(told["model"], 16),
        )
        if "hypervisor" in flags or "Virtual" in row["name"]:
            continue  # a guest's CPU is what its host made of it
        brand = row["name"]
        can, slat = signature.can_virtualize(brand), signature.slat(brand)
        assert can in (None, bool(flags & {"vmx", "svm"})), row["name"]
        if "svm" in flags:
            assert slat in (None, "npt" in flags), row["name"]
        elif "msr.48b" in told:
            assert slat in (None, "ept" in flags), row["name"]
        settled += slat is not None
    assert settled >= 50


@pytest.mark.parametrize(
    ("name", "structures", "sockets", "slots", "populated", "gib"),
    [
        ("IBM-x3950-M2.0", 84, (4, 4), 32, 18, 48),
        ("ProLiant-DL580-G5.0", 170, (4, 4), 32, 12, 36),
        ("ProLiant-BL460c-G1.0", 71, (2, 1), 8, 4, 16),
    ],
)
def test_smbios_dumps(  # noqa: PLR0917 - one column of the table each
    hardware: Path,
    name: str,
    structures: int,
    sockets: tuple[int, int],
    slots: int,
    populated: int,
    gib: int,
) -> None:
    """Known boards, phantom slots and empty sockets included."""
    raw = (hardware / "python-dmidecode" / f"{name}.dmidump").read_bytes()
    table = raw[32:]  # the entry point comes first in such a dump
    assert len(smbios.parse(table).structures) == structures - 1
    facts = FactBook()
    dmi.tell_table(table, facts, name)
    told = {key: fact.value for key, fact in facts.items()}
    assert (told["cpu.sockets"], told["cpu.sockets_populated"]) == sockets
    assert (told["memory.slots"], told["memory.dimms_populated"]) == (slots, populated)
    assert told["memory.total"] == gib << 30


def test_damaged_smbios_dumps(hardware: Path) -> None:
    """Cut anywhere, a dump gives fewer facts and no exception."""
    for file in sorted((hardware / "python-dmidecode").glob("*.dmidump")):
        raw = file.read_bytes()
        for cut in range(0, len(raw), 97):
            dmi.tell_table(raw[32:cut], FactBook(), file.name)
            dmi.tell_table(raw[cut:], FactBook(), file.name)
