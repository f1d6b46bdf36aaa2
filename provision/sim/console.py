"""The serial console of a simulated server: a text file that only grows."""

from __future__ import annotations

from pathlib import Path


class Console:
    """Appends lines to the serial log; each is on disk before the next thing happens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def write(self, line: str) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8", errors="replace") as log:
            log.write(line + "\n")
