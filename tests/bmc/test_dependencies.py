"""Dependencies of a registry: three truths, terms in their order, values in either spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.bmc.changes import plan
from provision.bmc.dependencies import Registry

ON_OFF = [
    {"ValueName": "Enabled", "ValueDisplayName": "Enabled"},
    {"ValueName": "Disabled", "ValueDisplayName": "Disabled"},
]


def entry(name: str, *values: str, **more: Any) -> dict[str, Any]:
    """An attribute; a switch unless values are given."""
    listed = [{"ValueName": each, "ValueDisplayName": f"{each} shown"} for each in values]
    return {"AttributeName": name, "Type": "Enumeration", "Value": listed or ON_OFF, **more}


def term(name: str, value: Any, how: str = "EQU", joined: str | None = None) -> dict[str, Any]:
    """One condition."""
    return {
        "MapFromAttribute": name,
        "MapFromProperty": "CurrentValue",
        "MapFromCondition": how,
        "MapFromValue": value,
        "MapTerms": joined,
    }


def rule(target: str, prop: str, value: Any, *terms: dict[str, Any]) -> dict[str, Any]:
    """A dependency."""
    inner = {
        "MapFrom": list(terms),
        "MapToAttribute": target,
        "MapToProperty": prop,
        "MapToValue": value,
    }
    return {"DependencyFor": target, "Type": "Map", "Dependency": inner}


def registry(entries: list[dict[str, Any]], *rules: dict[str, Any]) -> Registry:
    """A registry of these."""
    return Registry({"RegistryEntries": {"Attributes": entries, "Dependencies": list(rules)}})


@pytest.mark.parametrize(
    ("terms", "held"),
    [
        ([term("A", 1)], True),
        ([term("A", 2)], False),
        ([term("A", 2, "NEQ")], True),
        ([term("A", 0, "GTR")], True),
        ([term("A", 1, "GEQ")], True),
        ([term("A", 1, "LSS")], False),
        ([term("A", 1, "LEQ")], True),
        ([term("A", 1, "LIKE")], None),
        ([term("B", "x", "GTR")], None),  # words have no order
        ([term("Nowhere", 1)], None),
        ([term("A", 1), term("Nowhere", 1, joined="OR")], True),
        ([term("A", 1), term("Nowhere", 1, joined="AND")], None),
        ([term("A", 2), term("Nowhere", 1, joined="AND")], False),
        # from left to right: (false AND true) OR true; (true OR true) AND false
        ([term("A", 2), term("A", 1, joined="AND"), term("B", "x", joined="OR")], True),
        ([term("A", 1), term("A", 1, joined="OR"), term("B", "y", joined="AND")], False),
        ([term("A", 2), term("B", "x")], True),  # no term is OR
    ],
)
def test_conditions(terms: list[dict[str, Any]], held: bool | None) -> None:
    """Operators and terms as DMTF defines them; what is not told is neither held nor broken."""
    known = registry([entry("A"), entry("B")], rule("C", "ReadOnly", True, *terms))
    (dependency,) = known.of("C")
    assert known.holds(dependency, {"A": 1, "B": "x"}) is held


def test_other_properties_than_the_value() -> None:
    """A condition may look at what the registry says of an attribute."""
    looks = term("A", True) | {"MapFromProperty": "ReadOnly"}
    known = registry([entry("A", ReadOnly=True)], rule("C", "Hidden", True, looks))
    assert known.holds(known.of("C")[0], {}) is True


def test_values_in_either_spelling() -> None:
    """Attributes may hold what menus show, and some write booleans as words."""
    known = registry([entry("A", "0", "1")], rule("C", "GrayOut", "true", term("A", "0")))
    (dependency,) = known.of("C")
    assert known.holds(dependency, {"A": "0 shown"}) is True
    assert known.holds(dependency, {"A": "1 shown"}) is False
    assert dependency.locks
    assert known.allows("A", "1 shown")
    assert not known.allows("A", "2")
    assert known.spelt("A", "1", like="0 shown") == "1 shown"
    assert known.spelt("A", "1", like="0") == "1"
    assert known.same("A", True, "true")


def test_what_is_no_dependency_is_left_out() -> None:
    """Halves and strangers do not count, and break nothing."""
    odd: list[Any] = [None, 7, {}, {"Type": "Script"}, rule("", "ReadOnly", True, term("A", 1))]
    odd += [rule("C", "ReadOnly", True), rule("C", "ReadOnly", True, term("", 1))]
    known = registry([entry("A")], *odd)
    assert known.of("C") == []
    assert not Registry({})


def changes(found: Any) -> dict[str, Any]:
    """Attribute -> new value."""
    return {each.attribute: each.new for each in found.changes}


LOCK = rule("VT", "ReadOnly", True, term("Profile", "Fast"))
FORCE = rule("VT", "CurrentValue", "Disabled", term("Profile", "Fast"))
VT_OFF = {"VT": "Disabled", "Profile": "Fast", "Turbo": "Disabled"}


def test_the_change_that_clears_the_way() -> None:
    """Of other values, the one that imposes nothing; what it is for is said."""
    calm = rule("Turbo", "CurrentValue", "Enabled", term("Profile", "Calm"))
    entries = [entry("VT"), entry("Turbo"), entry("Profile", "Fast", "Calm", "Custom")]
    found = plan({"VT": "Enabled"}, VT_OFF, registry(entries, LOCK, FORCE, calm))
    assert changes(found) == {"VT": "Enabled", "Profile": "Custom"}
    assert found.changes[1].because == "while Profile is Fast, VT is read-only"
    assert not found.obstacles


def test_no_change_is_guessed() -> None:
    """Two ways that are as good, or one that sets something else: by hand, with the reason."""
    two = [entry("VT"), entry("Profile", "Fast", "Calm", "Custom")]
    found = plan({"VT": "Enabled"}, VT_OFF, registry(two, LOCK, FORCE))
    assert found.changes == ()
    assert found.obstacles[0].why == "it is read-only while Profile is Fast"
    assert "Change Profile in the firmware's setup first" in found.obstacles[0].hint
    calm = rule("Turbo", "CurrentValue", "Enabled", term("Profile", "Calm"))
    one = [entry("VT"), entry("Turbo"), entry("Profile", "Fast", "Calm")]
    assert plan({"VT": "Enabled"}, VT_OFF, registry(one, LOCK, FORCE, calm)).obstacles


def test_one_wanted_change_clears_the_way_of_another() -> None:
    """What is read-only now is judged by the state that the changes lead to."""
    lock = rule("X2", "ReadOnly", True, term("VT", "Disabled"))
    known = registry([entry("VT"), entry("X2", ReadOnly=True)], lock)
    before = {"VT": "Disabled", "X2": "Disabled"}
    both = plan({"X2": "Enabled", "VT": "Enabled"}, before, known)
    assert changes(both) == {"X2": "Enabled", "VT": "Enabled"}
    alone = plan({"X2": "Enabled"}, before, known)
    assert changes(alone) == {"X2": "Enabled", "VT": "Enabled"}
    assert not both.changes[1].because
    assert alone.changes[1].because


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ReadOnly": True}, "it is read-only on this machine"),
        ({"Hidden": True}, "it is hidden on this machine"),
        ({"Immutable": True}, "it is unchangeable on this machine"),
        ({"Value": [{"ValueName": "Auto"}]}, "it can only be Auto"),
    ],
)
def test_what_the_entry_itself_forbids(more: dict[str, Any], why: str) -> None:
    """Nothing is sent against it; what else is wanted still is."""
    known = registry([entry("VT", **more), entry("IO")])
    found = plan({"VT": "Enabled", "IO": "Enabled"}, {"VT": "Disabled", "IO": "Disabled"}, known)
    assert changes(found) == {"IO": "Enabled"}
    assert [each.why for each in found.obstacles] == [why]


def test_an_attribute_the_registry_does_not_list() -> None:
    """HPE Gen12 shows one and refuses to set it; where there is no registry, that is said."""
    found = plan({"VT": "Enabled"}, {"VT": "Disabled"}, registry([entry("IO")]))
    assert "does not list it" in found.obstacles[0].why
    found = plan({"VT": "Enabled"}, {"VT": "Disabled"}, Registry({}))
    assert changes(found) == {"VT": "Enabled"}
    assert "serves no registry" in found.notes[0]


def test_what_follows_and_what_cannot_be_told() -> None:
    """What the firmware sets by itself is shown, and a lock that may be there."""
    follows = rule("IO", "CurrentValue", "Enabled", term("VT", "Enabled"))
    maybe = rule("VT", "GrayOut", True, term("Nowhere", 1))
    known = registry([entry("VT"), entry("IO")], follows, maybe)
    found = plan({"VT": "Enabled"}, {"VT": "Disabled", "IO": "Disabled"}, known)
    assert [(each.attribute, each.new) for each in found.follows] == [("IO", "Enabled")]
    assert found.notes == ("VT is greyed out if Nowhere is 1, which cannot be told.",)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["VT", "A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["VT", "A", "Profile"]), ODD), ODD, ODD)
def test_any_registry_may_be_absurd(fields: dict[str, Any], one: object, other: object) -> None:
    """Nonsense in any field: a plan or an obstacle, and no traceback."""
    body = {
        "RegistryEntries": {
            "Attributes": [entry("VT"), {"AttributeName": one}, fields, other],
            "Dependencies": [rule("VT", "ReadOnly", one, term("A", other)), one, fields],
        }
    }
    found = plan({"VT": "Enabled"}, {"VT": "Disabled", "A": "x"}, Registry(body))
    assert len(found.changes) + len(found.obstacles) >= 1
