"""The catalogue keeps facts honest: known names, right kinds, allowed words, readable values."""

from __future__ import annotations

from typing import Any

import pytest

from hwprofiles.facts import CATALOGUE, FactBook, Kind, Source, as_dict, shown


def test_what_is_not_told_is_not_there() -> None:
    """None records nothing; a fact keeps where, when and in which power state it was read."""
    facts = FactBook()
    facts.learn("cpu.cores", None, Source.DMI, "x")
    assert facts == {}
    facts.learn("cpu.cores", 8, Source.REDFISH, "/redfish/v1/Systems/1", power_state="Off")
    told = as_dict(facts)
    assert told["schema"] == "bareiron.facts/1"
    one = told["facts"]["cpu.cores"]
    assert (one["value"], one["source"], one["power_state"]) == (8, "redfish", "Off")
    assert one["path"] == "/redfish/v1/Systems/1"
    assert one["at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("cpu.cors", 8, KeyError),
        ("cpu.cores", "8", TypeError),
        ("cpu.cores", True, TypeError),
        ("cpu.cores", 8.0, TypeError),
        ("tpm.present", 1, TypeError),
        ("cpu.flags", "vmx", TypeError),
        ("cpu.name", ["Xeon"], TypeError),
        ("cpu.virt.state", "on", ValueError),
    ],
)
def test_wrong_facts_are_bugs(name: str, value: Any, error: type[Exception]) -> None:
    """A collector that mistypes a name or a value is found by its first test."""
    with pytest.raises(error):
        FactBook().learn(name, value, Source.DMI, "x")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("memory.total", 128 << 30, "128 GiB"),
        ("memory.total", 1000, "1000 B"),
        ("memory.total", 0, "0 B"),
        ("memory.total", 3 << 50, "3072 TiB"),
        ("boot.device.size", 2 * 10**9, "1.86 GiB"),
        ("boot.device.endurance", 128 * 10**12, "128 TBW"),
        ("nics.fastest", 25 * 10**9, "25 Gbit/s"),
        ("cpu.family", 0x19, "19h"),
        ("cpu.cores", 24, "24"),
        ("tpm.present", True, "yes"),
        ("cpu.flags", ("lm", "nx"), "lm, nx"),
        ("ports.internal", (), "none"),
        ("system.model", "PowerEdge R805", "PowerEdge R805"),
    ],
)
def test_values_read_well(name: str, value: Any, words: str) -> None:
    """Sizes are binary, speeds and endurance decimal, CPU numbers in hex as manuals have them."""
    assert shown(name, value) == words


def test_words_that_settle_nothing() -> None:
    """States that say "cannot tell" are marked, so that no rule fails on them."""
    assert CATALOGUE["cpu.virt.state"].unsure == (
        "capable",
        "not-controllable",
        "guest",
        "unknown",
    )
    assert CATALOGUE["iommu.state"].unsure == ("not-controllable", "unknown")
    assert CATALOGUE["memory.ecc"].unsure == ("unknown",)
    settled = [name for name, meaning in CATALOGUE.items() if meaning.words and not meaning.unsure]
    assert "firmware.boot_mode" in settled


def test_the_catalogue_explains_itself() -> None:
    """Every name is lower case, dotted, and says what it means."""
    for name, meaning in CATALOGUE.items():
        assert name == name.lower()
        assert "." in name
        assert meaning.text
        assert not meaning.words or meaning.kind is Kind.WORD
