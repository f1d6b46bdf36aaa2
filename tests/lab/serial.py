"""A serial console kept in a file that grows."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")

#: What a good boot of our image shows, in this order.
XEN_BOOT = (
    r"Xen version 4\.17",
    r"bareiron: dom0 userland reached: Linux 6\.1",
    r"bareiron: xl info",
    r"xen_version\s+: 4\.17\.\d+",
    r"bareiron: hypervisor up: xen-4\.17\.\d+",
)


@dataclass(frozen=True, kw_only=True)
class Serial:
    """The console in ``file``; ``mark`` remembers where the next boot's text begins."""

    file: Path

    def mark(self) -> int:
        """Return the present end of the console."""
        return self.file.stat().st_size if self.file.exists() else 0

    def text(self, mark: int = 0) -> str:
        """Return what was written since ``mark``, without terminal escapes."""
        raw = self.file.read_bytes()[mark:] if self.file.exists() else b""
        return _ESCAPES.sub("", raw.decode("utf-8", "replace")).replace("\r", "")

    def wait(self, *patterns: str, mark: int = 0, within: float = 120) -> str:
        """Wait until all ``patterns`` have appeared in this order; return the last match."""
        until = time.monotonic() + within
        while True:
            text, place, found = self.text(mark), 0, ""
            for pattern in patterns:
                match = re.compile(pattern).search(text, place)
                if match is None:
                    break
                place, found = match.end(), match.group(0)
            else:
                return found
            if time.monotonic() > until:
                tail = "\n".join(text.strip().splitlines()[-15:])
                raise AssertionError(f"no {pattern!r} within {within} s; the console ends:\n{tail}")
            time.sleep(0.1)
