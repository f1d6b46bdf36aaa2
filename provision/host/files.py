"""Reading below a root directory: bounded, and silent about what is not there or not for us."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
_LIMIT: Final = 4 << 20  # /proc/cpuinfo of 1,024 CPUs is about 1.5 MB


class Tree:
    """A root directory that is read as if it were ``/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Return where ``/name`` of the machine lies."""
        return self.root / name

    def raw(self, name: str, limit: int = _LIMIT) -> bytes | None:
        """Return the bytes of a file, at most ``limit``; None when it cannot be read."""
        try:
            # A pipe in a directory that came from elsewhere must not be waited for.
            number = os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(number, "rb") as file:
                return file.read(limit)
        except OSError as error:
            _log.debug("%s: %s", error.filename, error.strerror)
            return None

    def text(self, name: str) -> str | None:
        """Return the text of a file without surrounding blanks; None when it cannot be read."""
        raw = self.raw(name)
        return None if raw is None else raw.decode("utf-8", "replace").strip()

    def number(self, name: str) -> int | None:
        """Return the whole number a file holds; None when it holds none."""
        text = self.text(name)
        try:
            return int(text) if text else None
        except ValueError:
            return None

    def names(self, name: str) -> list[str] | None:
        """Return the names in a directory; None when it cannot be listed."""
        try:
            return sorted(os.listdir(self.path(name)))  # noqa: PTH208 - names, not paths
        except OSError as error:
            _log.debug("%s: %s", error.filename, error.strerror)
            return None

    def at(self, name: str, offset: int, size: int) -> bytes | None:
        """Return ``size`` bytes at ``offset`` of a device; None when it does not give them."""
        try:
            device = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            _log.debug("%s: %s", name, error.strerror)
            return None
        try:
            raw = os.pread(device, size, offset)
        except OSError as error:
            _log.debug("%s at %#x: %s", name, offset, error.strerror)
            return None
        finally:
            os.close(device)
        return raw if len(raw) == size else None
