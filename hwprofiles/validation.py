"""What pydantic says about a document, said at its line and column and in a person's words."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
import types
import typing
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hwprofiles.documents import Document, Place, read_document
from hwprofiles.errors import DocumentError, Problem

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path, model: type[M]) -> M:
    """Read the YAML file ``path`` as ``model``; raise ``DocumentError`` with all its problems."""
    return validate(read_document(path), model)


def validate(document: Document, model: type[M]) -> M:
    """Judge ``document`` by ``model``; raise ``DocumentError`` with every problem at its place.

    It goes through JSON, whose strict mode takes a list for a tuple and a word for an enum, as a
    document must, but no text for a number.
    """
    try:
        return model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise DocumentError(_located(document, model, error.errors())) from error


def _located(
    document: Document, model: type[BaseModel], errors: Iterable[ErrorDetails]
) -> Iterator[Problem]:
    wrong_value: dict[Place, list[ErrorDetails]] = defaultdict(list)
    for error in errors:
        place = _place(document.data, error["loc"])
        name = str(error["loc"][-1]) if error["loc"] else ""
        if error["type"] == "extra_forbidden":
            message = f"unknown key {name!r}{did_you_mean(name, _fields(model, place[:-1]))}"
            yield document.problem(place, message, at_key=True)
        elif error["type"] == "missing":
            yield document.problem(place, f"{name!r} is missing")
        else:
            wrong_value[place].append(error)
    for place, group in wrong_value.items():
        name = f"{place[-1]}: " if place and isinstance(place[-1], str) else ""
        yield document.problem(place, name + _reworded(group))


def _reworded(errors: list[ErrorDetails]) -> str:
    """Say in one sentence what is wrong with one value; each member of a union complained."""
    kinds = {error["type"] for error in errors}
    wanted = list(dict.fromkeys(_plain(error["msg"]) for error in errors))
    if kinds <= {"value_error", "assertion_error"}:
        return " or ".join(wanted)
    wanted = [wanted[0], *(words.removeprefix("be ") for words in wanted[1:])]
    value = errors[0]["input"]
    shown = _SHAPES.get(type(value)) or textwrap.shorten(repr(value), 60, placeholder="…")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    quotes = "; put it in quotes" if "string_type" in kinds and number else ""
    return f"should {' or '.join(wanted)}, not {shown}{quotes}"


_SHAPES: Final = {dict: "a mapping", list: "a list", type(None): "nothing"}
_WORDS: Final = {
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid boolean": "true or false",
    "a valid array": "a list",
    "a valid list": "a list",
    "a valid tuple": "a list",
    "a valid dictionary": "a mapping",
    "an object": "a mapping",
}


def _plain(message: str) -> str:
    """Return pydantic's message without its subject: ``be text``, ``match pattern …``."""
    words = re.sub(r"^(Input|String|Value|Tuple|List|Dictionary) should ", "", message)
    known = _WORDS.get(words.removeprefix("be "))
    return f"be {known}" if known else words.removeprefix("Value error, ")


def _place(data: Any, loc: tuple[int | str, ...]) -> Place:
    """Return ``loc`` without the steps that are pydantic's own (names of union members)."""
    place: list[str | int] = []
    for step in loc:
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        if inside:
            data = data[step]
            place.append(step)
    return tuple(place)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` when a known name is close to ``name``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the models at ``place`` know."""
    kinds: list[Any] = [model]
    for step in place:
        kinds = [inner for kind in kinds for inner in _step(kind, step)]
    return [info.alias or name for kind in kinds for name, info in kind.model_fields.items()]


def _step(kind: type[BaseModel], step: str | int) -> Iterator[type[BaseModel]]:
    """Return the models that can stand one step below ``kind``.

    An index, or a key of a mapping of models, stays with the models already found.
    """
    if isinstance(step, int):
        yield kind
        return
    for name, info in kind.model_fields.items():
        if step in (name, info.alias):
            yield from _models(info.annotation)
            return
    yield kind


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for inner in typing.get_args(annotation):
        yield from _models(inner)
