"""Fleets of recorded machines: six blades that should be alike, boards of one name, and drift."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hwprofiles.facts import FactBook, Facts
from provision.flow import fleet_baseline, fleet_text
from provision.flow.fleet import Machine
from provision.flow.fleet_diff import Kind, compare
from provision.flow.fleet_outliers import Outliers, outliers
from provision.flow.fleet_parts import make_up
from provision.host import dumps

SHORT = {"CZ3404YWNR", "CZ3404YWNT"}
DIMMS = frozenset({"memory.dimms"})


@pytest.fixture(scope="module")
def blades(hardware: Path) -> list[Machine]:
    """The six BL460c Gen8."""
    files = sorted((hardware / "cardiff-bl460c").glob("*.hw_"))
    return [
        Machine(name=file.name, facts=dumps.read(file.read_bytes(), file.name)) for file in files
    ]


@pytest.fixture(scope="module")
def boards(hardware: Path) -> list[Machine]:
    """Every recorded dmidecode text."""
    folder = hardware / "linuxhw-dmi" / "Server"
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [
        Machine(name=str(file), facts=dumps.read(file.read_bytes(), file.name)) for file in files
    ]


def odd_slots(found: Outliers) -> set[str]:
    """Slots in which the odd ones differ."""
    (model,) = found.models
    (memory,) = (area for area in model.areas if area.name == "memory")
    (group,) = memory.odd
    changes = [change for change in group.difference.changes if change.slot]
    assert {change.kind for change in changes} == {Kind.REMOVED}
    return {change.slot for change in changes}


def test_blades(blades: list[Machine]) -> None:
    """Four with 8 modules of 16 GiB, two with 2: those two are odd, in six slots, and no more."""
    found = outliers(blades)
    (model,) = found.models
    assert {machine.serial for machine in model.odd} == SHORT
    assert not model.split
    assert [area.name for area in model.areas if area.odd] == ["memory"]
    assert odd_slots(found) == {f"PROC {cpu} DIMM {slot}" for cpu in (1, 2) for slot in (3, 6, 8)}
    text = fleet_text.outliers(found)
    assert "ODD      memory of 2 machines: CZ3404YWNR, CZ3404YWNT\n" in text
    assert "memory.total: 32 GiB instead of 128 GiB\n" in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) < 20


def test_a_module_is_pulled(blades: list[Machine], tmp_path: Path) -> None:
    """From a saved baseline: the slot, what was in it, and nothing else."""
    path = tmp_path / "blades.json"
    fleet_baseline.save(path, blades)
    full = next(machine for machine in blades if machine.serial not in SHORT)
    rows = _modules(full.facts)
    at = next(at for at, row in enumerate(rows) if "2 DIMM  6" in str(row["slot"]))
    facts = {**full.facts, **_without(full.facts, at)}
    pulled = Machine(name=full.name, facts=FactBook(facts))
    now = [pulled if machine is full else machine for machine in blades]
    drift = fleet_baseline.drift(fleet_baseline.load(path), now)
    (changed,) = drift.changed
    assert changed.after is pulled
    text = fleet_text.drift(drift)
    assert f"CHANGED  {full.serial}\n         PROC 2 DIMM 6: 16 GiB" in text
    assert text.endswith("6 machines: 1 changed, 5 as in the baseline\n")


def test_every_board_is_itself(boards: list[Machine], tmp_path: Path) -> None:
    """Whatever a board prints: saved and loaded it has not changed, and its slots are its own."""
    path = tmp_path / "boards.json"
    fleet_baseline.save(path, boards)
    drift = fleet_baseline.drift(fleet_baseline.load(path), boards)
    assert len(drift.machines) == len(boards) >= 60
    assert not drift
    assert not any(each.difference.untold for each in drift.machines)
    for machine in boards:
        for parts in machine.made.tables.values():
            places = [part.key for part in parts if part.lasting]
            assert len(set(places)) == len(places), machine.name


def test_every_module_can_be_missed(boards: list[Machine]) -> None:
    """On each board, each module that is taken out is told as one change at its own slot."""
    for machine in boards:
        for at, row in enumerate(_modules(machine.facts)):
            if row.get("size"):
                found = compare(machine.made, make_up(_without(machine.facts, at)), only=DIMMS)
                assert [change.kind for change in found.changes] == [Kind.REMOVED], machine.name


def _modules(facts: Facts) -> tuple[dict[str, object], ...]:
    table = facts.get("memory.dimms")
    return table.value if table else ()  # type: ignore[return-value]


def _without(facts: Facts, at: int) -> FactBook:
    """Facts with one slot emptied."""
    rows: list[dict[str, Any]] = [dict(row) for row in _modules(facts)]
    rows[at] = {key: rows[at][key] for key in ("slot", "bank") if key in rows[at]} | {"size": 0}
    return FactBook({"memory.dimms": replace(facts["memory.dimms"], value=tuple(rows))})


def test_boards_of_one_name(boards: list[Machine]) -> None:
    """Models are grouped, the two recorded DL380 G5 are a tie, and nobody is called odd."""
    found = outliers(boards)
    assert not any(model.odd for model in found.models)
    twins = [model for model in found.models if len(model.machines) > 1]
    assert [model.name for model in twins] == ["ProLiant DL380 G5"]
    assert {area.name for area in twins[0].split} >= {"cpu", "memory"}
    assert max(map(len, fleet_text.outliers(found).splitlines())) <= 80
