"""Secrets as a type: they reach the one place that needs them, and no log, record or screen.

What is known to be a secret is replaced by ``***`` wherever text leaves the process: as it is, and
as JSON, ``repr``, URLs and HTML write it. Two limits are deliberate. Secrets under 4 characters are
never replaced: they occur in everything. In data (a setting's value, a model's name) only those of
8 and more are: a server whose password is ``Enabled`` must not lose its settings to it.
"""

from __future__ import annotations

import html
import json
import logging
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from provision.core.errors import ConfigError
from provision.core.reading import LONGEST, NotRead, first_line

_SHORTEST: Final = 4
_SHORTEST_IN_DATA: Final = 8
_ELSEWHERE: Final = ("fd:", "cmd:", "credential:")
#: How secrets are written, with their own length; longest first.
_known: dict[str, int] = {}


class Secret:
    """A string that shows itself only to ``reveal()``; its repr, str and pickle do not hold it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _remember(value)

    def reveal(self) -> str:
        """Return the secret itself; only for handing it to whoever asked for it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not stored; store the reference to it")


def read_secret(reference: str, *, prompt: str = "Password: ") -> Secret:
    """Return the secret behind ``reference``.

    That is a file's path, ``-`` for standard input, ``prompt:`` for asking the person, or one of
    ``references``. The first line counts, without its newline. A file that others may read is
    refused, as SSH refuses such keys. A pipe will do (``<(pass show bmc)``), a device will not.
    """
    if reference == "prompt:":
        import getpass

        return Secret(getpass.getpass(prompt))
    if reference.startswith(_ELSEWHERE):
        return _from_elsewhere(reference)
    reference = reference.removeprefix("file:")
    try:
        if reference in ("-", "/dev/stdin"):
            reference = "standard input"
            line = sys.stdin.readline(LONGEST + 1)
        else:
            line = first_line(Path(reference))
    except NotRead as error:
        doing = f"reading the password file {_printable(reference)}"
        raise ConfigError(f"{doing}: {error}", hint=error.hint) from error
    except UnicodeDecodeError as error:
        doing = f"reading the password from {_printable(reference)}"
        raise ConfigError(f"{doing}: not text in UTF-8", hint="Save it as plain text.") from error
    return _checked(line, _printable(reference))


def _from_elsewhere(reference: str) -> Secret:
    from provision.core.references import first_line_behind

    # What follows the program's name may be a secret of its own.
    told = reference.split(maxsplit=1)[0] if reference.startswith("cmd:") else reference
    where = _printable(told)
    try:
        line = first_line_behind(reference)
    except NotRead as error:
        raise ConfigError(f"reading the password from {where}: {error}", hint=error.hint) from error
    except UnicodeDecodeError as error:
        doing = f"reading the password from {where}"
        raise ConfigError(f"{doing}: not text in UTF-8", hint="Store it as plain text.") from error
    return _checked(line, where)


def _checked(line: str, where: str) -> Secret:
    value = line.rstrip("\r\n")
    problem = ""
    if not value:
        problem = "it is empty"
    elif len(value) > LONGEST:
        problem = f"its first line is longer than {LONGEST} characters"
    elif "\0" in value:
        problem = "it is not text"
    if problem:
        raise ConfigError(
            f"reading the password from {where}: {problem}",
            hint="Put the password on the first line.",
        )
    return Secret(value)


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _remember(value: str) -> None:
    global _known  # noqa: PLW0603 - replaced as a whole: other threads may be going through it
    if len(value) < _SHORTEST or _known.get(value) == len(value):
        return
    known = dict(_known)
    for plain in (value, " ".join(value.split())):
        for written in _forms(plain):
            if len(written) >= _SHORTEST:
                known[written] = max(len(value), known.get(written, 0))
    _known = dict(sorted(known.items(), key=lambda item: -len(item[0])))


def _forms(value: str) -> set[str]:
    """Return how ``value`` is written by those who quote it, and by those who quote them."""
    once = {value, repr(value)[1:-1], value.replace('"', '\\"').replace("'", "\\'")} | _json(value)
    once |= {quote(value, errors="replace"), quote(value, safe="", errors="replace")}
    once |= {quote_plus(value, errors="replace"), html.escape(value)}
    return once.union(*map(_json, once))


def _json(value: str) -> set[str]:
    plain, wide = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
    return {plain, wide, wide.replace("/", "\\/")}


_VALUE: Final = r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s'",}\])]+)"""
_SCHEME: Final = r"(?:(?:basic|bearer|digest)\s+)?"
_PATTERNS: Final = (
    re.compile(rf"(?i)((?:x-auth-token|authorization|cookie)['\"]?\s*[:=]\s*{_SCHEME}){_VALUE}"),
    # A name in quotes, as in JSON, with any value; without quotes only name=value and name:value.
    # A space after it makes it prose: "reading the password: nothing is there".
    re.compile(rf"(?i)(password['\"]\s*[:=]\s*){_VALUE}"),
    re.compile(rf"(?i)(password[:=]){_VALUE}"),
)


def redact(text: str, *, data: bool = False) -> str:
    """Return ``text`` without the secrets known to this process and without tokens by pattern.

    ``data`` says that it is a value, not a sentence: only long secrets are looked for.
    """
    text = _without_known(text, _SHORTEST_IN_DATA if data else _SHORTEST)
    if data:
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(_starred, text)
    return text


def _starred(match: re.Match[str]) -> str:
    name, value = match.groups()
    quotes = value[0] if value[0] in "'\"" else ""
    return f"{name}{quotes}***{quotes if value[1:].endswith(quotes) else ''}"


def longest() -> int:
    """Return how many characters a secret can take up in a text."""
    return next(map(len, _known), 0)


def _without_known(text: str, shortest: int) -> str:
    for written, length in _known.items():
        if length >= shortest and written in text:
            text = text.replace(written, "***")
    return text


class RedactingFilter(logging.Filter):
    """Keeps secrets out of every record a handler writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message by its redacted text; never drops a record."""
        record.msg = redact(record.getMessage())
        record.args = None
        return True
