"""Words, tables and bars: the only room, beside the front door, that writes to a screen.

A report of validations is a pure function of their JSON. The formats are registered here, one file
each; a new one is a file with ``render`` and a line in ``FORMATS``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provision.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: the module that renders it, the suffix of its files, and what it is for.

    ``strict`` says that it can count what is unknown as an error.
    """

    module: str
    suffix: str
    about: str
    strict: bool = False


FORMATS: Final[Mapping[str, Format]] = {
    "text": Format(module="text", suffix=".txt", about="80 columns, worst first, with remedies"),
    "json": Format(module="json", suffix=".json", about="everything; all others come from it"),
    "junit": Format(module="junit", suffix=".xml", about="JUnit XML for CI jobs", strict=True),
    "html": Format(module="html", suffix=".html", about="one page to read, print and hand over"),
    "csv": Format(
        module="csv", suffix=".csv", about="a row for each machine, a column for each rule"
    ),
    "ocp": Format(
        module="ocp", suffix=".jsonl", about="OCP Test & Validation output for factories"
    ),
}


def render(name: str, verdicts: Sequence[Mapping[str, Any]], *, strict: bool = False) -> str:
    """Return ``verdicts`` (each ``bareiron.validation/1``) in the format ``name``.

    With ``strict``, formats that know the difference count what is unknown as an error. Raise
    ``ConfigError`` for an unknown format, and for a verdict that does not hold together.
    """
    if name not in FORMATS:
        raise ConfigError(
            f"writing a report as {name}: there is no such format",
            hint=f"Choose one of {', '.join(FORMATS)}.",
        )
    chosen = FORMATS[name]
    module = importlib.import_module(f"provision.report.{chosen.module}")
    options = {"strict": True} if strict and chosen.strict else {}
    return str(module.render(verdicts, **options))


def expected(path: Path) -> str:
    """Return the format that the name of a report's file asks for; ``ConfigError`` for none."""
    for name, each in FORMATS.items():
        if path.suffix.lower() == each.suffix:
            return name
    known = ", ".join(f"{each.suffix} ({name})" for name, each in FORMATS.items())
    raise ConfigError(
        f"writing the report {path}: its name does not say which format",
        hint=f"End the name in one of {known}.",
    )
