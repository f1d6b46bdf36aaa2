"""What the ``profile`` commands share: loading, and lines of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sized

    from hwprofiles import Profile

WIDTH: Final = 80
_INDENT: Final = 9


def load(name: str) -> Profile:
    """Return a profile, one that is only there to be extended too; ``ConfigError`` if not.

    Its problems, each at its place, are in the error.
    """
    from hwprofiles import DocumentError, loading
    from provision.core.errors import ConfigError

    try:
        return loading.load(name, allow_abstract=True)
    except DocumentError as error:
        told = "\n".join(str(problem).removeprefix(f"{name}: ") for problem in error.problems)
        between = "\n" if len(error.problems) > 1 else " "
        raise ConfigError(
            f"loading the profile {name}:{between}{told}",
            hint="Mend the places named, or choose one of `provision profile list`.",
        ) from error


def wrapped(start: str, words: str) -> list[str]:
    """Return ``words`` behind ``start``, and below one another; a URL is kept whole."""
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


def part(label: str, words: str) -> list[str]:
    """Return ``words`` below a heading, behind ``label``; nothing where there are none."""
    return wrapped(f"{'':{_INDENT}}{label:<11}", words) if words else []


def number(things: Sized | int, word: str) -> str:
    """Return for instance ``1 rule`` or ``3 rules``."""
    count = things if isinstance(things, int) else len(things)
    return f"{count} {word}{'' if count == 1 else 's'}"
