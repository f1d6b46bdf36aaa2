"""Where a secret is kept, in words that may be written down: ``file:``, ``fd:``, ``cmd:`` …

    file:PATH         the first line of a file only its owner may read, or of a pipe
    fd:N              the first line of what the caller opened for us: ``fd:3 3<secret``
    cmd:PROGRAM WORDS the first line a program prints; no shell goes over it
    credential:NAME   a credential of the systemd service we run as (systemd-creds(1))

A descriptor can be read only once and a program may ask a person, so what either told is kept for
the life of the process.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import stat
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Final

from provision.core.reading import LONGEST, NotRead

_MOST_BYTES: Final = 4 * LONGEST + 2
#: Seconds: a password manager may have to ask a person for its own password first.
_PATIENCE: Final = 120.0
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_SCHEMES: Final = ("file", "fd", "cmd", "credential")


def trouble_with(reference: str) -> str:
    """Return what is wrong with a reference as text, without repeating it; nothing if all right."""
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _SCHEMES:
        return (
            "a reference is wanted (file:PATH, fd:N, cmd:PROGRAM or credential:NAME), never the "
            "password itself"
        )
    if scheme == "fd" and not re.fullmatch(r"[0-9]{1,4}", rest):
        return "fd: wants the number of an open descriptor, such as fd:3"
    if scheme == "credential" and not _NAME.fullmatch(rest):
        return "credential: wants the name of a systemd credential, without slashes"
    if scheme == "cmd":
        return _trouble_with_command(rest)
    return "" if rest else f"nothing stands behind {scheme}:"


def _trouble_with_command(text: str) -> str:
    try:
        return "" if shlex.split(text) else "cmd: wants a program"
    except ValueError:
        return "cmd: a quote is not closed"


def first_line_behind(reference: str) -> str:
    """Return the first line behind ``fd:``, ``cmd:`` or ``credential:``.

    Raises ``NotRead`` with what stood in the way and what to do.
    """
    if trouble := trouble_with(reference):
        raise NotRead(trouble, hint="Give file:PATH, fd:N, cmd:PROGRAM or credential:NAME.")
    scheme, _, rest = reference.partition(":")
    if scheme == "fd":
        return _descriptor(int(rest))
    return _command(rest) if scheme == "cmd" else _credential(rest)


@cache
def _descriptor(number: int) -> str:
    hint = f"Open it for us: provision … {number}< FILE"
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode) and os.isatty(number):
            raise NotRead("it is a terminal", hint="Leave it out to be asked.")
        return _line(_until_newline(number, "the descriptor", hint))
    except OSError as error:
        raise NotRead(f"{error.strerror}", hint=hint) from error


@cache
def _command(text: str) -> str:
    words = shlex.split(text)
    hint = f"Run {words[0]} by itself and see what it prints."
    try:
        # Its complaints go to the terminal, where it may also ask for a password of its own.
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "no program's name holds a NUL"
        raise NotRead(f"{words[0]} does not start ({told})", hint="Check its name.") from error
    assert process.stdout is not None  # noqa: S101 - asked for above
    with process.stdout:
        try:
            raw = _until_newline(process.stdout.fileno(), words[0], hint)
            status = _ended(process)
        finally:
            _stop(process)
    if status:
        raise NotRead(f"{words[0]} ended with status {status}", hint=hint)
    return _line(raw)


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return 0  # its line is here; what else it does is no matter


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def _until_newline(number: int, who: str, hint: str) -> bytes:
    """Read up to a newline, the end, or the longest line; never longer than patience lasts."""
    raw, end = b"", time.monotonic() + _PATIENCE
    poll = select.poll()
    poll.register(number, select.POLLIN)
    while b"\n" not in raw and len(raw) < _MOST_BYTES:
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise NotRead(f"nothing came from {who} for {_PATIENCE:g} s", hint=hint)
        chunk = os.read(number, _MOST_BYTES - len(raw))
        if not chunk:
            break
        raw += chunk
    return raw


def _credential(name: str) -> str:
    hint = f"Run under systemd with LoadCredential={name}:PATH or SetCredentialEncrypted=."
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise NotRead("no CREDENTIALS_DIRECTORY is set: this is no such service", hint=hint)
    try:
        # systemd guards the directory; the file's own mode shows the mask of an access list.
        with os.fdopen(os.open(Path(folder) / name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotRead("it is no file", hint=hint)
            return _line(file.read(_MOST_BYTES))
    except OSError as error:
        raise NotRead(f"{error.strerror}", hint=hint) from error


def _line(raw: bytes) -> str:
    return raw.partition(b"\n")[0].decode("utf-8")
