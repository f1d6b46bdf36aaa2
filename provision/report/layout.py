"""Lines for a terminal of 80 columns: a word, a label, and text that wraps under itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 80
INDENT: Final = 9
_LABEL: Final = 10


def wrapped(start: str, text: str) -> list[str]:
    """Return ``start`` and ``text`` as lines, the later ones indented by the width of ``start``."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )


def headed(word: str, text: str) -> list[str]:
    """Return ``text`` behind an outcome or a verdict."""
    return wrapped(f"{word.upper():<{INDENT}}", text)


def part(label: str, text: str) -> list[str]:
    """Return ``text`` below a heading, behind ``label``; nothing when there is none."""
    return wrapped(f"{' ' * INDENT}{label:<{_LABEL}}", text) if text else []


def parts(label: str, texts: Iterable[str]) -> list[str]:
    """Return several texts, each from a line of its own; the first behind ``label``."""
    lines: list[str] = []
    for text in texts:
        lines += part("" if lines else label, text)
    return lines
