"""Lines for a terminal of 80 columns: a word, a label, and text that wraps under itself.

What people copy is never broken: an address on the web, even where it is wider than the terminal,
and an option with its value.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 80
INDENT: Final = 9
_LABEL: Final = 10
_COPIED: Final = re.compile(r"\S*https?://\S+|--fact \S+?='[^']{1,40}'\S*|--fact \S{1,50}")
_STANDING_IN: Final = 0xF0000  # a private plane: no text that was made harmless holds any of it


def wrapped(start: str, text: str) -> list[str]:
    """Return ``start`` and ``text`` as lines, the later ones indented by the width of ``start``."""
    copied: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        word = chr(_STANDING_IN + len(copied)) * min(len(match[0]), WIDTH - len(start))
        copied[word] = match[0]
        return word

    lines = textwrap.wrap(
        _COPIED.sub(stand_in, text),
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )
    for word, whole in copied.items():
        lines = [line.replace(word, whole) for line in lines]
    return lines


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


def options(words: Iterable[str]) -> list[str]:
    """Return options of a command, as many a line as fit, to be copied with their line breaks."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 3 <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
