"""Secrets as a type: they reach the one place that needs them, and no log, record or screen."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from pathlib import Path
from typing import Final

from provision.core.errors import ConfigError

_LIMIT: Final = 4096
_known: set[str] = set()


class Secret:
    """A string that shows itself only to ``reveal()``; its repr, str and pickle do not hold it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= 4:
            _known.add(value)

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

    That is a file's path, ``-`` for standard input, or ``prompt:`` for asking the person. The
    first line counts, without its newline. A file that others may read is refused, as SSH refuses
    such keys.
    """
    if reference == "prompt:":
        import getpass

        return Secret(getpass.getpass(prompt))
    if reference == "-":
        return _first_line(sys.stdin.readline(_LIMIT), "standard input")
    return _from_file(Path(reference.removeprefix("file:")))


def _from_file(path: Path) -> Secret:
    doing = f"reading the password file {path}"
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise ConfigError(
                    f"{doing}: others may read it (mode {mode & 0o777:04o})",
                    hint=f"chmod 600 {path}",
                )
            return _first_line(file.readline(_LIMIT), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{doing}: not text in UTF-8", hint="Save it as plain text.") from error
    except OSError as error:
        raise ConfigError(
            f"{doing}: {error.strerror}", hint="Create it with the password on its first line."
        ) from error


def _first_line(line: str, where: str) -> Secret:
    value = line.rstrip("\r\n")
    if not value:
        raise ConfigError(
            f"reading the password from {where}: it is empty",
            hint="Put the password on the first line.",
        )
    return Secret(value)


_PATTERNS: Final = (
    re.compile(r"(?i)(x-auth-token|authorization|cookie)(['\"]?\s*[:=]\s*)(['\"]?)[^\s'\",]+"),
    re.compile(r"(?i)(password)(['\"]?\s*[:=]\s*)(['\"]?)[^\s'\",}]+"),
)


def redact(text: str) -> str:
    """Return ``text`` without the secrets known to this process and without tokens by pattern."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, "***")
    for pattern in _PATTERNS:
        text = pattern.sub(r"\1\2\3***", text)
    return text


class RedactingFilter(logging.Filter):
    """Keeps secrets out of every record a handler writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message by its redacted text; never drops a record."""
        record.msg = redact(record.getMessage())
        record.args = None
        return True
