"""Recorded ACPI tables: lists, disassemblies and a raw dump tell whether there is an IOMMU."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from provision.core.errors import ProvisionError
from provision.host import dumps

#: What each recording must tell: present, and interrupt remapping where DMAR says.
EXPECTED = {
    "PowerEdge R820/E5985CCBA349": (True, True),
    "ProLiant DL360 G7/60DCEE46526A": (True, False),
    "X8DTT/CE92DF29C87C": (True, True),
    "H8DGU/57ED146F2C3C": (True, None),
    "ProLiant DL360 G5/A8DA802364DF": (False, None),
    "ProLiant DL380 G5/97BE895CF6E6": (False, None),
    "ProLiant DL380 G5/97BE895CF6E6.bin": (False, None),
    "ProLiant DL165 G7/1979FBF2D488": (False, None),
    "H8QG6/58E82626C3C5": (False, None),
}


def recordings(hardware: Path) -> dict[str, bytes]:
    """Every recording by the last two parts of its path."""
    return {
        "/".join(path.parts[-2:]): path.read_bytes()
        for path in sorted((hardware / "linuxhw-acpi").rglob("*"))
        if path.is_file() and path.name != "LICENSE"
    }


def test_every_recording(hardware: Path) -> None:
    """DMAR and IVRS are found, and that neither is there is told only of whole lists."""
    told = {}
    for name, data in recordings(hardware).items():
        facts = dumps.read(data, name)
        state = "enabled" if facts["iommu.present"].value else "disabled"
        assert facts["iommu.state"].value == state
        remaps = facts.get("iommu.interrupt_remapping")
        told[name] = (facts["iommu.present"].value, remaps.value if remaps else None)
    assert told == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_cut_recordings_never_deny_an_iommu(hardware: Path, name: str) -> None:
    """A list that ends early must not look like a machine without an IOMMU."""
    data = recordings(hardware)[name]
    chance = random.Random(name)  # noqa: S311 - repeatable, not secret
    for _ in range(40):
        cut = data[: chance.randrange(min(len(data), 4000))]
        try:
            facts = dumps.read(cut, name)
        except ProvisionError:
            continue
        assert facts["iommu.present"].value is EXPECTED[name][0]
