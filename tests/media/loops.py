"""Loop devices for tests that need real block devices."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def attach(backing: Path) -> Path:
    """Attach a loop device to ``backing``."""
    ran = subprocess.run(
        ["losetup", "--find", "--show", backing], check=True, capture_output=True, text=True
    )
    return Path(ran.stdout.strip())


def detach(device: Path) -> None:
    """Detach a loop device."""
    subprocess.run(["losetup", "-d", device], check=True, capture_output=True)


@contextmanager
def loop(backing: Path) -> Iterator[Path]:
    """A loop device over ``backing``."""
    device = attach(backing)
    try:
        yield device
    finally:
        with suppress(subprocess.CalledProcessError):
            detach(device)


@contextmanager
def mounted(what: Path | str, where: Path, *options: str) -> Iterator[Path]:
    """``what`` mounted at ``where``."""
    where.mkdir(exist_ok=True)
    subprocess.run(["mount", *options, what, where], check=True, capture_output=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True, capture_output=True)
