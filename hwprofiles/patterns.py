"""Regular expressions from files, checked before they meet text that a BMC chose. Stdlib only.

Python's engine tries one way after the other. Where a repeat can divide the same text in several
ways, their number doubles with each character: ``(a+)+$`` takes longer than the universe lasts. The
check is on the pattern's structure: inside a repeat, the next character must decide what to do.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

#: How much of a BMC's text a pattern meets.
LONGEST_TEXT: Final = 256
_LONGEST_PATTERN: Final = 500
#: Open repeats cost a power of the text's length, which is bounded: bearable. Those that follow
#: one another count twice; a character between them that has to be there spares most of the work.
_MOST_OPEN: Final = 3
_OTHER: Final = 256  # stands for every character beyond Latin-1
_ALL: Final = frozenset(range(_OTHER + 1))
_NONE: Final[frozenset[int]] = frozenset()
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_SINGLE: Final = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

Chars = frozenset[int]


class _Runaway(Exception):
    """The pattern can run away."""


def problem(pattern: str) -> str | None:
    """Return what is wrong with ``pattern``, in words; None when it may meet foreign text."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"a regular expression has at most {_LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
            parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
        _Walk().sequence(list(parsed), _NONE, inside=False)
    except (re.error, OverflowError) as error:
        return f"not a regular expression: {error}"
    except RecursionError:
        return "the regular expression is nested too deeply"
    except _Runaway as runaway:
        return str(runaway)
    return None


class _Walk:
    """Walks a parsed pattern from its end, knowing which characters can come next."""

    def __init__(self) -> None:
        self._open = 0
        self._apart = True  # a character that must be there follows, or nothing

    def sequence(self, items: Sequence[Any], after: Chars, *, inside: bool) -> None:
        """Check ``items``, which ``after`` can follow; ``inside`` a repeat."""
        for item in reversed(items):
            self._item(str(item[0]), item[1], after, inside)
            self._apart = str(item[0]) in _SINGLE
            first, empty = _first(item)
            after = first | after if empty else first

    def _item(self, kind: str, value: Any, after: Chars, inside: bool) -> None:
        if kind in _REPEATS:
            self._repeat(value, after, inside)
        elif kind == "BRANCH":
            self._branch(value[1], after, inside)
        elif kind == "SUBPATTERN":
            self.sequence(list(value[-1]), after, inside=inside)
        elif kind == "ATOMIC_GROUP":
            self.sequence(list(value), after, inside=inside)
        elif kind in ("ASSERT", "ASSERT_NOT"):
            self.sequence(list(value[1]), _NONE, inside=inside)
        elif kind == "GROUPREF_EXISTS":
            self._branch([value[1], value[2] or []], after, inside)

    def _repeat(self, value: Any, after: Chars, inside: bool) -> None:
        least, most, body = value
        first, empty = _whole(body)
        again = int(most) > 1
        if again and empty and first:
            raise _Runaway("a repeat of something that may be empty can run away; write it simpler")
        if least != most and first & after:
            self._ambiguous(inside, many=again)
        self.sequence(list(body), after | first if again else after, inside=inside or again)

    def _branch(self, branches: Iterable[Any], after: Chars, inside: bool) -> None:
        firsts = []
        for branch in branches:
            self.sequence(list(branch), after, inside=inside)
            first, empty = _whole(branch)
            firsts.append(first | after if empty else first)
        seen: set[int] = set()
        for first in firsts:
            if seen & first:
                self._ambiguous(inside, many=False)
            seen |= first

    def _ambiguous(self, inside: bool, *, many: bool) -> None:
        if inside:
            raise _Runaway(
                "can run away: inside a repeat, the same text can be taken in several ways "
                "(as in (a+)+ or (a|ab?)*); write it without the repeat in the repeat"
            )
        self._open += many * (1 if self._apart else 2)
        if self._open > _MOST_OPEN:
            raise _Runaway(
                "so many open repeats such as .* can run away; name what is between them"
            )


def _whole(items: Iterable[Any]) -> tuple[Chars, bool]:
    """Return the characters a sequence can begin with, and whether it can be empty."""
    chars = _NONE
    for item in items:
        first, empty = _first(item)
        chars |= first
        if not empty:
            return chars, False
    return chars, True


def _first(item: Any) -> tuple[Chars, bool]:
    kind, value = str(item[0]), item[1]
    if kind in _REPEATS:
        chars, empty = _whole(value[2])
        return chars, empty or value[0] == 0
    if kind in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _whole(value[-1] if kind == "SUBPATTERN" else value)
    if kind == "BRANCH":
        parts = [_whole(branch) for branch in value[1]]
        return _NONE.union(*(part[0] for part in parts)), any(part[1] for part in parts)
    if kind in ("AT", "ASSERT", "ASSERT_NOT"):  # what looks ahead tries its text as well
        return _NONE if kind == "AT" else _whole(value[1])[0], True
    if kind in ("GROUPREF", "GROUPREF_EXISTS"):
        return _ALL, True
    return _both_cases(_chars(kind, value)), False


def _chars(kind: str, value: Any) -> Chars:
    """Return what one place of a pattern matches; too much rather than too little."""
    if kind in ("LITERAL", "NOT_LITERAL"):
        one = frozenset({min(value, _OTHER)})
        return one if kind == "LITERAL" else (_ALL - one) | {_OTHER}
    if kind == "RANGE":
        return frozenset(range(min(value[0], _OTHER), min(value[1], _OTHER) + 1))
    if kind == "CATEGORY":
        return _category(str(value))
    if kind == "IN":
        chars = _NONE.union(*(_chars(str(k), v) for k, v in value if str(k) != "NEGATE"))
        return (_ALL - chars) | {_OTHER} if str(value[0][0]) == "NEGATE" else chars
    return _ALL


@cache
def _category(name: str) -> Chars:
    if name not in _CATEGORIES:
        return _ALL
    matches = re.compile(_CATEGORIES[name]).match
    return frozenset(code for code in range(_OTHER) if matches(chr(code))) | {_OTHER}


def _both_cases(chars: Chars) -> Chars:
    # The flag for case may stand anywhere; that both cases overlap is a small price.
    letters = (chr(code) for code in chars if code < _OTHER)
    swapped = (min(ord(c), _OTHER) for each in letters for c in each.swapcase())
    return chars | frozenset(swapped)
