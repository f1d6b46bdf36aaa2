"""Recorded machines find their server profile, or none, and pass it as they ran."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import hwprofiles
from hwprofiles import Finding, Outcome
from hwprofiles.facts import FactBook, Source
from provision.bmc import recorded
from provision.host import dumps

#: Which recordings of boards find which profile; every other finds none.
KNOWN = {
    "Server/Cisco Systems/UCSC-C220/UCSC-C220-M4S": "cisco-ucs-c220-m4",
    "Server/Dell/PowerEdge/PowerEdge 2950": "dell-poweredge-2950",
    "Server/Dell/PowerEdge/PowerEdge R640": "dell-poweredge-r640",
    "Server/Dell/PowerEdge/PowerEdge R650": "dell-poweredge-r650",
    "Server/Dell/PowerEdge/PowerEdge R750": "dell-poweredge-r750",
    "Server/Dell/PowerEdge/PowerEdge R7525": "dell-poweredge-r7525",
    "Server/Dell/PowerEdge/PowerEdge R7625": "dell-poweredge-r7625",
    "Server/Dell/PowerEdge/PowerEdge R805": "dell-poweredge-r805",
    "Server/HPE/ProLiant/ProLiant DL360 Gen10": "hpe-proliant-dl360-gen10",
    "Server/HPE/ProLiant/ProLiant DL380 Gen10": "hpe-proliant-dl380-gen10",
    "Server/HPE/ProLiant/ProLiant DL380 Gen11": "hpe-proliant-dl380-gen11",
    "Server/HPE/ProLiant/ProLiant DL385 Gen10 Plus v2": "hpe-proliant-dl385-gen10-plus-v2",
    "Server/Hewlett-Packard/ProLiant/ProLiant DL380 G5": "hp-proliant-dl380-g5",
    "Server/Lenovo/ThinkSystem/ThinkSystem SR650 -[7X06CTO1WW]-": "lenovo-thinksystem-sr650",
    "Server/Supermicro/SYS-1029/SYS-1029P-WTR": "supermicro-x11",
    "Server/Supermicro/X10/X10DRH": "supermicro-x10",
    "Server/Supermicro/X11/X11DAi-N": "supermicro-x11",
    "Server/Supermicro/X12/X12DAi-N6": "supermicro-x12",
    "IBM-x3950-M2.0.dmidump": "ibm-system-x3850-m2",
    "ProLiant-BL460c-G1.0.dmidump": "hp-proliant-bl460c-g1",
}
#: System path -> profile, of the recorded Redfish trees.
KNOWN_TREES = {
    "libredfish-dell": "dell-poweredge-r750",
    "libredfish-supermicro": "supermicro-x13",
}
#: What the recorded R805 must come to; the erratum is not one of its processors'.
R805 = {
    "server.cpu.erratum-298": Outcome.SKIP,
    "server.cpu.count": Outcome.PASS,
    "server.cpu.model": Outcome.PASS,
    "server.memory.max": Outcome.PASS,
    "server.memory.slots": Outcome.PASS,
    "server.memory.population": Outcome.PASS,
    "server.boot.sd": Outcome.PASS,
    "server.boot.usb": Outcome.PASS,
    "server.nics.embedded": Outcome.PASS,
    "server.firmware.mode": Outcome.PASS,
}


@pytest.fixture(scope="module")
def machines(hardware: Path) -> dict[str, FactBook]:
    """The facts of every recorded board, by its path."""
    texts = [path for path in (hardware / "linuxhw-dmi").rglob("*") if path.name != "LICENSE"]
    found = {
        str(path.relative_to(hardware / "linuxhw-dmi")): dumps.read(path.read_bytes(), path.name)
        for path in texts
        if path.is_file()
    }
    tables = (hardware / "python-dmidecode").glob("*.dmidump")
    return found | {path.name: dumps.read(path.read_bytes(), path.name) for path in tables}


def judged(facts: FactBook) -> dict[str, Finding]:
    """The findings of the machine's own profile, by rule."""
    profile = hwprofiles.match(facts)
    assert profile
    return {finding.rule: finding for finding in hwprofiles.judge(profile, facts)}


def test_every_machine_finds_its_profile_or_none(machines: dict[str, FactBook]) -> None:
    """Of all recordings, just those of our models match, each its own."""
    assert len(machines) >= 80
    for path, facts in machines.items():
        profile = hwprofiles.match(facts)
        wanted = KNOWN.get(path.rpartition("/")[0] or path)
        assert (profile.id if profile else None) == wanted, path


def test_no_recorded_machine_is_blamed(machines: dict[str, FactBook]) -> None:
    """They ran as they stood: nothing about them fails, nor is worth a warning."""
    ours = {path: book for path, book in machines.items() if hwprofiles.match(book)}
    assert len(ours) > len(KNOWN)
    for path, book in ours.items():
        for rule, finding in judged(book).items():
            blamed = (Outcome.FAIL, Outcome.WARN)
            assert finding.outcome not in blamed, f"{path}: {rule}: {finding.found}"


def test_the_founding_machine(machines: dict[str, FactBook]) -> None:
    """The R805 passes all that is asked of it, and its SD slot is named."""
    facts = next(book for path, book in machines.items() if "PowerEdge R805" in path)
    findings = judged(facts)
    assert {rule: finding.outcome for rule, finding in findings.items()} == R805
    assert "SD Card" in findings["server.boot.sd"].found
    assert "16 filled" in findings["server.memory.population"].found


@pytest.mark.parametrize(
    ("state", "outcome"), [("mitigated", Outcome.PASS), ("unmitigated", Outcome.FAIL)]
)
def test_the_founding_machine_with_its_first_processors(
    machines: dict[str, FactBook], state: str, outcome: Outcome
) -> None:
    """With Barcelonas in it the R805 hangs on the workaround of erratum 298."""
    facts = FactBook()
    facts.take(next(book for path, book in machines.items() if "PowerEdge R805" in path))
    facts.learn("cpu.model", 0x02, Source.USER, "test")
    facts.learn("cpu.erratum_298", state, Source.USER, "test")
    assert judged(facts)["server.cpu.erratum-298"].outcome is outcome


def test_a_module_missing_from_the_founding_machine(machines: dict[str, FactBook]) -> None:
    """Without the module in A8 its pair is half full, and the finding says so."""
    facts = FactBook()
    facts.take(next(book for path, book in machines.items() if "PowerEdge R805" in path))
    rows: Any = facts["memory.dimms"].value
    bare = [{**row, "size": 0} if row["slot"] == "DIMM_A8" else row for row in rows]
    facts.learn("memory.dimms", bare, Source.USER, "test")
    finding = judged(facts)["server.memory.population"]
    assert finding.outcome is Outcome.FAIL
    assert "DIMM_A7 filled, but DIMM_A8 empty" in finding.found


def test_recorded_services_find_their_profile_or_none(redfish: Path) -> None:
    """Over Redfish the same names lead to the same profiles; nothing about them fails."""
    matched: dict[str, str] = {}
    for path in sorted(redfish.glob("*.json")):
        for system in asyncio.run(recorded.read(json.loads(path.read_bytes()), path.name)):
            profile = hwprofiles.match(system.facts)
            if profile:
                matched[path.stem] = profile.id
                outcomes = {each.outcome for each in hwprofiles.judge(profile, system.facts)}
                assert Outcome.FAIL not in outcomes, path.stem
    assert matched == KNOWN_TREES
