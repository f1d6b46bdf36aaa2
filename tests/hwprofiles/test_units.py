"""Quantities keep their units, and only like is compared with like."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.units import UNITS, Dimension, Quantity, UnitError

quantities = st.builds(
    Quantity,
    st.decimals(min_value=0, max_value=10**12, places=6).map(abs),
    st.sampled_from(sorted(UNITS)),
)


@given(quantities)
def test_round_trip(quantity: Quantity) -> None:
    """What is printed reads back as the same quantity, exactly."""
    again = Quantity.parse(str(quantity))
    assert again == quantity
    assert (again.number, again.unit) == (quantity.number, quantity.unit)


@given(quantities, quantities)
def test_order_is_that_of_the_base_units(one: Quantity, other: Quantity) -> None:
    """Comparing works within a dimension and is refused across two."""
    if one.dimension is other.dimension:
        assert (one < other) == (one.base < other.base)
        assert (one == other) == (hash(one) == hash(other)) or one != other
    else:
        assert one != other
        with pytest.raises(UnitError, match="is a"):
            _ = one < other


def test_binary_is_not_decimal() -> None:
    """Seven per cent decide whether a 128 GB stick is large enough."""
    assert Quantity.parse("8 GB") < Quantity.parse("8GiB")
    assert Quantity.parse("1024 MiB") == Quantity.parse("1 GiB")
    assert Quantity.parse("1.5 KiB").base == 1536
    assert Quantity.parse("3.125%").base * 32 == 1
    assert Quantity.parse("128 TBW").dimension is Dimension.ENDURANCE
    assert Quantity(Decimal("2.50"), "GHz") == Quantity.parse("2500 MHz")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("8", "'8' is not a number with a unit"),
        ("GiB", "not a number with a unit"),
        ("8 gib", "unknown unit 'gib'; did you mean 'GiB'"),
        ("8 GIB", "did you mean 'GiB'"),
        ("10 Gbps", "did you mean 'Gbit/s'"),
        ("1 Gb/s", "did you mean 'Gbit/s'"),
        ("3 apples", "known are %, B, kB"),
        ("-1 GiB", "not a number with a unit"),
        ("1e9 GiB", "unknown unit|not a number"),
        ("٣ GiB", "not a number with a unit"),
        ("", "not a number with a unit"),
    ],
)
def test_bad_quantities_say_what_is_wrong(text: str, told: str) -> None:
    """A person learns which unit they meant."""
    with pytest.raises(UnitError, match=told):
        Quantity.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text gives another exception than ours."""
    with contextlib.suppress(UnitError):
        assert Quantity.parse(text).base >= 0
