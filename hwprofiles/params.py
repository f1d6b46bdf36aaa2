"""Parameters: ``${name}`` in a text, and in other parameters."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

Param = str | int | float
Params = Mapping[str, Param]

_PARAM: Final = re.compile(r"\$\{([^}]*)\}")
_DEEPEST: Final = 16
_LONGEST: Final = 4000  # parameters of parameters multiply


class Unfilled(Exception):
    """A parameter is unknown, or leads back to itself."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` when something known is close to ``name``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def alone(value: object) -> str | None:
    """Return the name of the parameter that ``value`` is and nothing else."""
    found = _PARAM.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def fill(value: Param, params: Params) -> Param:
    """Return ``value`` with its parameters; one that stands alone keeps its type."""
    return _Filling(params).fill(value, ())


def fill_one(name: str, params: Params) -> Param:
    """Return the parameter ``name`` with those it is made of."""
    return _Filling(params).fill(params[name], (name,))


class _Filling:
    """Fills in each parameter once; ``trail`` names those that led to it."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._done: dict[str, Param] = {}

    def fill(self, value: Param, trail: tuple[str, ...]) -> Param:
        if not isinstance(value, str):
            return value
        if alone := _PARAM.fullmatch(value):
            return self._of(alone[1], trail)
        filled = _PARAM.sub(lambda match: str(self._of(match[1], trail)), value)
        if len(filled) > _LONGEST:
            raise Unfilled(f"with its parameters it is longer than {_LONGEST} characters")
        return filled

    def _of(self, name: str, trail: tuple[str, ...]) -> Param:
        if name not in self._params:
            raise Unfilled(f"unknown parameter {name!r}{closest(name, self._params)}")
        if name in trail:
            raise Unfilled(f"parameters in a loop: {' → '.join((*trail, name))}")
        if len(trail) >= _DEEPEST:
            raise Unfilled(f"more than {_DEEPEST} parameters, each made of the next")
        if name not in self._done:
            self._done[name] = self.fill(self._params[name], (*trail, name))
        return self._done[name]
