"""Values for BIOS attributes: what people write becomes what the attribute takes, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from provision.bmc import bios_values
from provision.bmc.bios_diff import attributes_in, differences
from provision.bmc.bios_values import Names, Unfit
from provision.bmc.dependencies import Registry
from provision.bmc.errors import RecordingUnknown


def choice(*values: tuple[object, object]) -> dict[str, Any]:
    """An enumeration of names and what menus show for them."""
    listed = [{"ValueName": own, "ValueDisplayName": label} for own, label in values]
    return {"Type": "Enumeration", "Value": listed}


ENTRIES: dict[str, dict[str, Any]] = {
    "Mode": choice(("Uefi", "UEFI  Mode"), ("Bios", "Legacy")),
    "Coded": choice(("1", "Enable"), ("0", "Disable")),
    "Odd": choice((1, "On"), (0, "Off"), (None, None), ({}, "Both")),
    "Delay": {"Type": "Integer", "LowerBound": 5, "UpperBound": 60, "ScalarIncrement": 5},
    "Least": {"Type": "Integer", "LowerBound": 2},
    "Secure": {"Type": "Boolean"},
    "Tag": {"Type": "String", "MinLength": 2, "MaxLength": 4},
    "Secret": {"Type": "Password"},
    "Empty": {"Type": "Enumeration", "Value": []},
}
REGISTRY = Registry(
    {
        "RegistryEntries": {
            "Attributes": [{"AttributeName": name} | entry for name, entry in ENTRIES.items()]
        }
    }
)


@pytest.mark.parametrize(
    ("name", "given", "current", "value"),
    [
        ("Mode", "uefi", "Bios", "Uefi"),
        ("Mode", "legacy", "Uefi", "Bios"),  # as menus show it
        ("Mode", "UEFI mode", "Bios", "Uefi"),
        ("Delay", 99, 99, 99),  # what is there already is no change
        ("Coded", "enable", "Disable", "Enable"),  # the attribute holds what menus show
        ("Coded", "1", "Disable", "Enable"),
        ("Coded", "Enable", "0", "1"),  # and here it holds the name
        ("Coded", "enable", None, "1"),
        ("Odd", "on", 0, 1),
        ("Delay", "15", 5, 15),
        ("Delay", 60, 5, 60),
        ("Least", "0x10", 2, 16),
        ("Secure", "enabled", False, True),
        ("Secure", False, True, False),
        ("Tag", "ab", "", "ab"),
        ("Empty", "anything", "x", "anything"),
        ("Unlisted", "on", True, True),  # the type of what is there decides
        ("Unlisted", "7", 3, 7),
        ("Unlisted", "word", "other", "word"),
    ],
)
def test_what_is_meant(name: str, given: Any, current: Any, value: Any) -> None:
    """Case, menus' words and types are the registry's to settle, not the user's."""
    read = bios_values.read(REGISTRY, name, given, current)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("Mode", "Ufi", r"only be Uefi \(UEFI  Mode\), Bios \(Legacy\)"),
        ("Odd", "Both", "only be"),
        ("Delay", "61", "5 to 60"),
        ("Delay", "7", "steps of 5"),
        ("Delay", "soon", "whole number"),
        ("Least", "1", "at least 2"),
        ("Secure", "maybe", "true or false"),
        ("Tag", "abcde", "2 to 4 characters"),
        ("Tag", "a", "2 to 4 characters"),
        ("Tag", "a\x1b[", "printable"),
        ("Secret", "hunter2", "password"),
    ],
)
def test_what_is_refused_before_it_is_sent(name: str, given: str, why: str) -> None:
    """Type, range, step, length and list are the registry's word."""
    with pytest.raises(Unfit, match=why):
        bios_values.read(REGISTRY, name, given, None)


def test_near_words_are_told() -> None:
    """A slip of the hand gets what it was near to, for names and for values."""
    with pytest.raises(Unfit) as caught:
        bios_values.read(REGISTRY, "Mode", "Ufi", None)
    assert caught.value.hint == "Near are: Uefi."
    names = Names(REGISTRY, {"Mode": "Uefi", "Delay": 5})
    assert names.read("mode", "bios") == ("Mode", "Bios")
    for name, why in (("Mod", "no such attribute"), ("Tag", "no value here")):
        with pytest.raises(Unfit, match=why):
            names.read(name, "x")
    with pytest.raises(Unfit) as caught:
        names.read("Dely", "5")
    assert caught.value.hint == "Near are: Delay."


def test_differences() -> None:
    """By name, with both sides; a type is a difference, too, and what only one has."""
    found = differences({"A": 1, "B": "x", "C": True}, {"A": True, "B": "x", "D": "y"})
    assert [(each.attribute, each.left, each.right) for each in found] == [
        ("A", 1, True),
        ("C", True, None),
        ("D", None, "y"),
    ]
    assert found[0].as_dict() == {"attribute": "A", "left": 1, "right": True}


def test_attributes_of_a_file() -> None:
    """A Bios resource, or name -> value; what is neither is refused with what is expected."""
    assert attributes_in({"Attributes": {"A": 1, "B": None}}, "x") == {"A": 1}
    assert attributes_in({"@odata.id": "/x", "A": "on", "C": []}, "x") == {"A": "on"}
    bodies: tuple[object, ...] = ([], {}, "text", None, {"Attributes": {}}, {"A": []})
    for body in bodies:
        with pytest.raises(RecordingUnknown):
            attributes_in(body, "x.json")
