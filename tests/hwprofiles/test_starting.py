"""A profile to begin with loads, whatever the machine it was made from calls itself."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwprofiles
from hwprofiles import ProfileKind, starting
from hwprofiles.facts import FactBook, Source

_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
START = starting.Start(
    kind=ProfileKind.SERVER, name="it", title="One of them", day=date(2026, 11, 24)
)


def facts(vendor: str, model: str, slots: list[str], ports: list[str]) -> FactBook:
    """What a machine says of itself."""
    book = FactBook()
    book.learn("system.vendor", vendor, Source.DMI, "x")
    book.learn("system.model", model, Source.DMI, "x")
    rows: list[dict[str, bool | int | str | None]] = [{"slot": slot, "size": 0} for slot in slots]
    book.learn("memory.slots", len(slots), Source.DMI, "x")
    book.learn("memory.dimms", rows, Source.DMI, "x")
    book.learn("ports.internal", ports, Source.DMI, "x")
    return book


@settings(max_examples=40, deadline=None)
@given(
    vendor=_NAMES,
    model=_NAMES,
    slots=st.lists(_NAMES, max_size=4),
    ports=st.lists(_NAMES, max_size=3),
)
def test_any_names(vendor: str, model: str, slots: list[str], ports: list[str]) -> None:
    """It is YAML, its patterns are safe, and where the names can be read it knows the machine."""
    book = facts(vendor, model, slots, ports)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.yaml"
        path.write_text(starting.server(START, book, "a recording"), encoding="utf-8")
        profile = hwprofiles.load(str(path))
    assert profile.match is not None
    if vendor.isprintable() and model.isprintable():
        assert profile.match.judge(book) is True
    assert len(profile.rules) == 1 + len(ports)


@pytest.mark.parametrize(
    ("slots", "cpus"),
    [
        (["A1", "A2", "B1"], {"CPU1": ("A1", "A2"), "CPU2": ("B1",)}),
        (
            ["PROC 1 DIMM 1", "PROC 2 DIMM 1"],
            {"CPU1": ("PROC 1 DIMM 1",), "CPU2": ("PROC 2 DIMM 1",)},
        ),
        (["P1-DIMMA1", "P2-DIMMA1"], {"CPU1": ("P1-DIMMA1",), "CPU2": ("P2-DIMMA1",)}),
        (["CPU2_DIMM_A1"], {"CPU2": ("CPU2_DIMM_A1",)}),
        (["DIMM 1", "DIMM 2"], {"board": ("DIMM 1", "DIMM 2")}),
    ],
)
def test_slots_by_cpu(tmp_path: Path, slots: list[str], cpus: dict[str, tuple[str, ...]]) -> None:
    """What the boards of the makers print; what tells nothing belongs to the board."""
    path = tmp_path / "it.yaml"
    path.write_text(starting.server(START, facts("a", "b", slots, []), "a recording"))
    layout = hwprofiles.load(str(path)).layout
    assert layout is not None
    assert layout.slots == cpus
