"""Typed quantities: ``8 GiB`` is not ``8 GB``, and neither compares with ``1 Gbit/s``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final


class UnitError(ValueError):
    """A quantity cannot be read, or two of different kinds were compared."""


class Dimension(StrEnum):
    """What a quantity measures."""

    SIZE = "size"
    ENDURANCE = "endurance"
    BIT_RATE = "bit rate"
    FREQUENCY = "frequency"
    SHARE = "percentage"


def _units() -> dict[str, tuple[Dimension, Fraction]]:
    found: dict[str, tuple[Dimension, Fraction]] = {
        "%": (Dimension.SHARE, Fraction(1, 100)),
        "B": (Dimension.SIZE, Fraction(1)),
        "kB": (Dimension.SIZE, Fraction(1000)),
        "bit/s": (Dimension.BIT_RATE, Fraction(1)),
        "kbit/s": (Dimension.BIT_RATE, Fraction(1000)),
        "Hz": (Dimension.FREQUENCY, Fraction(1)),
        "kHz": (Dimension.FREQUENCY, Fraction(1000)),
    }
    for power, prefix in enumerate(("K", "M", "G", "T", "P"), start=1):
        found[f"{prefix}iB"] = (Dimension.SIZE, Fraction(1024**power))
        if power > 1:
            decimal = Fraction(1000**power)
            found[f"{prefix}B"] = (Dimension.SIZE, decimal)
            found[f"{prefix}BW"] = (Dimension.ENDURANCE, decimal)
            found[f"{prefix}bit/s"] = (Dimension.BIT_RATE, decimal)
            found[f"{prefix}Hz"] = (Dimension.FREQUENCY, decimal)
    return found


#: Unit -> what it measures, and how many base units (bytes, bits per second, hertz, one) it is.
UNITS: Final = _units()

_EXAMPLES: Final = {
    Dimension.SIZE: "8 GiB",
    Dimension.ENDURANCE: "128 TBW",
    Dimension.BIT_RATE: "1 Gbit/s",
    Dimension.FREQUENCY: "2400 MHz",
    Dimension.SHARE: "3.125%",
}
_PATTERN: Final = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,12})?)\s*([A-Za-z/%]{1,10})\s*", re.A)


def example(dimension: Dimension) -> str:
    """Return a well-written quantity of ``dimension``, for messages."""
    return _EXAMPLES[dimension]


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as somebody wrote it; equal when it measures the same."""

    number: Decimal
    unit: str

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Read ``8 GiB``, ``3.125%``, ``1 Gbit/s``; raise ``UnitError`` otherwise."""
        match = _PATTERN.fullmatch(text)
        if not match:
            raise UnitError(f"{text[:40]!r} is not a number with a unit, such as 8 GiB or 1 Gbit/s")
        number, unit = match.groups()
        if unit not in UNITS:
            raise UnitError(f"unknown unit {unit!r}{_hint(unit)}")
        return cls(Decimal(number), unit)

    @property
    def dimension(self) -> Dimension:
        """What it measures."""
        return UNITS[self.unit][0]

    @property
    def base(self) -> Fraction:
        """Return it in base units: bytes, bits per second, hertz, or a share of one."""
        return Fraction(self.number) * UNITS[self.unit][1]

    def __str__(self) -> str:
        space = "" if self.unit == "%" else " "
        return f"{self.number:f}{space}{self.unit}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return (self.dimension, self.base) == (other.dimension, other.base)

    def __hash__(self) -> int:
        return hash((self.dimension, self.base))

    def __lt__(self, other: Quantity) -> bool:
        if self.dimension is not other.dimension:
            raise UnitError(f"{self} is a {self.dimension}, {other} a {other.dimension}")
        return self.base < other.base


def _hint(unit: str) -> str:
    folded = {known.lower(): known for known in reversed(UNITS)}
    aliases = {"gb/s": "Gbit/s", "mb/s": "Mbit/s", "gbps": "Gbit/s", "mbps": "Mbit/s"}
    close = difflib.get_close_matches(unit.lower(), folded, n=1)
    meant = aliases.get(unit.lower()) or (folded[close[0]] if close else "")
    return f"; did you mean {meant!r}?" if meant else f"; known are {', '.join(UNITS)}"
