"""Our own files: written whole or not at all, also in a crash; and locks on them."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from provision.core.errors import ConfigError, Conflict


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` to ``path``, whole or not at all, readable by its owner only."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        # A file name that is no UTF-8 holds lone surrogates; escaped, they are still JSON.
        _replace(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ConfigError(
            f"writing {path}: {error.strerror}",
            hint="Free some space, or choose another directory with --state-dir.",
        ) from error


def check_place(path: Path, others: Iterable[Path | str | None]) -> None:
    """Raise ``ConfigError`` if ``write_text`` could not write ``path``, or would write over one of
    ``others``, which are read, or written too.
    """
    doing = f"preparing to write {path}"
    try:
        if path.is_block_device():
            raise ConfigError(f"{doing}: it is a disk", hint=_ELSEWHERE)
        if path.is_dir() or not path.parent.is_dir():
            why = "it is a directory" if path.is_dir() else "its directory is not there"
            raise ConfigError(f"{doing}: {why}", hint=_ELSEWHERE)
        if not os.access(path if _special(path) else path.parent, os.W_OK):
            raise ConfigError(f"{doing}: it may not be written to", hint=_ELSEWHERE)
        for other in others:
            same = other and path.is_file() and Path(other).exists() and path.samefile(other)
            if same:
                raise ConfigError(f"{doing}: it is {other}, which is used too", hint=_ELSEWHERE)
    except OSError as error:
        raise ConfigError(f"{doing}: {error.strerror}", hint=_ELSEWHERE) from error


_ELSEWHERE: Final = "Choose another name, in a directory that is there and may be written to."


def _special(path: Path) -> bool:
    """Whether this is a device or a pipe, which is written to just as it is."""
    return path.exists() and not path.is_file()


def write_text(path: Path, text: str) -> None:
    """Write a file for others to read, whole or not at all; a device or a pipe just as it is."""
    content = text.encode("utf-8", "backslashreplace")
    try:
        if path.is_block_device():  # also at the end of a link, and put there meanwhile
            raise ConfigError(f"writing {path}: it is a disk", hint=_ELSEWHERE)
        if _special(path):
            path.write_bytes(content)
        else:
            _replace(path, content, mode=0o666 & ~_umask())
    except OSError as error:
        raise ConfigError(
            f"writing {path}: {error.strerror}",
            hint=_ELSEWHERE,
        ) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def locked(path: Path, taken: Conflict) -> Iterator[None]:
    """Hold the lock file at ``path``; raise ``taken`` when another process, or we, hold it.

    The kernel drops the lock however this process ends.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken from error
        yield
    finally:
        os.close(fd)


def _replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
