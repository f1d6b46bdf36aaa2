"""CPUs: signatures, and the table of what parts can do."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from hwprofiles.cpu import Signature


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
