"""What is mounted, swapped to and booted from, as the kernel tells it in /proc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Mount points without which this machine does not run, or does not come up again.
SYSTEM_MOUNTS = {"/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/home", "/nix"}


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One line of mountinfo."""

    devnum: str
    point: str
    kind: str
    source: str


def read_mounts(proc: Path) -> list[Mount]:
    """Return all mounts this process sees."""
    found = []
    for line in _read(proc / "self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) >= 5 and len(right) >= 2:
            point, source = _unescape(left[4]), _unescape(right[1])
            found.append(Mount(devnum=left[2], point=point, kind=right[0], source=source))
    return found


def read_swaps(proc: Path) -> list[str]:
    """Return the devices and files this machine swaps to."""
    lines = _read(proc / "swaps").splitlines()[1:]
    return [_unescape(line.split()[0]) for line in lines if line.split()]


def kernel_root(proc: Path) -> list[str]:
    """Return the root device the kernel was told to mount: mountinfo may call it /dev/root."""
    words = _read(proc / "cmdline").split()
    return [word.removeprefix("root=") for word in words if word.startswith("root=/dev/")]


def _read(place: Path) -> str:
    try:
        return place.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _unescape(text: str) -> str:
    """Undo the octal escapes: ``\\040`` is a blank."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
