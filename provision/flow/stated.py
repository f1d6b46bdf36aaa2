"""Facts that a user states: ``NAME=VALUE``, by the kind of the fact."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from hwprofiles import deriving
from hwprofiles.facts import CATALOGUE, FactBook, Kind, Source, absurd
from hwprofiles.units import Dimension, Quantity, UnitError, example
from provision.core.errors import ConfigError
from provision.core.text import clean


def stated(pairs: Iterable[str]) -> FactBook:
    """Return the facts a user states as ``NAME=VALUE``; ``ConfigError`` for what cannot be."""
    facts = FactBook()
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        doing = f"reading the stated fact {clean(pair, 80)}"
        if not equals:
            raise ConfigError(f"{doing}: it is not NAME=VALUE")
        if not text.strip():
            raise ConfigError(f"{doing}: no value", hint="Leave out what you do not know.")
        if name not in CATALOGUE:
            from hwprofiles.params import closest

            raise ConfigError(
                f"{doing}: unknown fact {clean(name)!r}{closest(name, CATALOGUE)}",
                hint="`provision validate … --facts` shows the names.",
            )
        try:
            value = _value(name, text.strip())
            if absurd(value):
                raise ValueError("no machine has such a number")
            facts.learn(name, value, Source.USER, "stated by the user")
        except (ValueError, TypeError, OverflowError, UnitError) as error:
            raise ConfigError(f"{doing}: {error}") from error
    deriving.complete(facts)
    return facts


#: Fewer digits than Python minds; no leading zeros, which mean eight to some.
_INTEGER: Final = re.compile(r"0x[0-9a-f]{1,32}|0|[1-9][0-9]{0,32}", re.ASCII | re.IGNORECASE)
_TRUTHS: Final = {"yes": True, "true": True, "no": False, "false": False}
_UNITS: Final = {
    Kind.BYTES: Dimension.SIZE,
    Kind.ENDURANCE: Dimension.ENDURANCE,
    Kind.BIT_RATE: Dimension.BIT_RATE,
}


def _value(name: str, text: str) -> Any:
    """Return the value that ``text`` stands for, by the kind of the fact."""
    meaning = CATALOGUE[name]
    known = tuple(_TRUTHS) if meaning.kind is Kind.BOOL else meaning.words
    if known and text.lower() not in known:
        raise ValueError(f"can be {', '.join(known)}, not {clean(text, 40)!r}")
    match meaning.kind:
        case Kind.BOOL:
            return _TRUTHS[text.lower()]
        case Kind.INTEGER:
            if not _INTEGER.fullmatch(text):
                raise ValueError(f"wants a number such as 16 or 0x10, not {clean(text, 40)!r}")
            return int(text, 0)
        case Kind.BYTES | Kind.ENDURANCE | Kind.BIT_RATE:
            return _quantity(text, _UNITS[meaning.kind])
        case Kind.WORDS:
            return [word.strip() for word in text.split(",") if word.strip()]
        case Kind.TABLE:
            raise ValueError("a table cannot be stated")
    return text.lower() if known else text


def _quantity(text: str, wanted: Dimension) -> int:
    quantity = Quantity.parse(text)
    if quantity.dimension is not wanted:
        told = f"{text} measures a {quantity.dimension}; wanted is a {wanted}"
        raise ValueError(f"{told}, such as {example(wanted)}")
    return int(quantity.base)
