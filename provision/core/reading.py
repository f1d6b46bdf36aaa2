"""The first line of a small file that a person named: whatever is there instead, it never hangs."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path
from typing import Final

#: Characters in the line.
LONGEST: Final = 4096
_MOST_BYTES: Final = 4 * LONGEST + 2
#: Seconds to wait for somebody to open the other end of a pipe, and for the one there to write: a
#: password manager may have to ask for its own password first.
_NOBODY: Final = 3.0
_SLOW: Final = 120.0


class NotRead(Exception):
    """It is not there, not ours alone, or not a file; ``hint`` says what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def first_line(path: Path) -> str:
    """Return the first line of a file only its owner may read, or of a pipe."""
    try:
        # Without O_NONBLOCK, a named pipe that nobody writes to holds us in open() for ever.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(number, "rb", buffering=0) as file:
            raw = _from_file(path, file.fileno())
    except ValueError as error:
        raise NotRead("no file's name holds a NUL", hint="Give the path of a file.") from error
    except OSError as error:
        raise NotRead(
            f"{error.strerror}", hint="Create it with the password on its first line."
        ) from error
    return raw.partition(b"\n")[0].decode("utf-8")


def _from_file(path: Path, number: int) -> bytes:
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        if mode & 0o077:
            told = f"others may read it (mode {mode & 0o777:04o})"
            raise NotRead(told, hint=f"chmod 600 {path}")
        return os.read(number, _MOST_BYTES)
    if stat.S_ISFIFO(mode):
        return _from_pipe(number)
    kind = "a directory" if stat.S_ISDIR(mode) else "a device or socket"
    raise NotRead(
        f"it is {kind}", hint="Give a file with the password on its first line, or - for stdin."
    )


def _from_pipe(number: int) -> bytes:
    raw = b""
    began = time.monotonic()
    poll = select.poll()
    poll.register(number, select.POLLIN)
    while b"\n" not in raw and len(raw) < _MOST_BYTES:
        patience = _NOBODY
        try:
            if chunk := os.read(number, _MOST_BYTES - len(raw)):
                raw += chunk
                continue
        except BlockingIOError:  # somebody is at the other end, and has not written yet
            patience = _SLOW
        else:
            if raw:
                break  # whoever wrote has gone
        left = max(0.0, began + patience - time.monotonic())
        events = poll.poll(left * 1000)
        if not events:
            raise NotRead(
                f"it is a pipe, and nothing came out of it for {patience:g} s",
                hint="Let a program write the password into it, or give a file.",
            )
        if not events[0][1] & select.POLLIN:
            break  # somebody came and went without a word
    return raw
