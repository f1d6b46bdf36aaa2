"""The variable store of a firmware, read and written with ``virt-fw-vars`` of virt-firmware.

It is run as a program, as QEMU is: its licence (GPL-2.0-only) does not go with ours in one process.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = "virt-fw-vars"
#: Vendor of the variables that the UEFI specification defines (2.10, 3.3).
GLOBAL: Final = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#: Vendor of EDK II's own switch for secure boot (``gEfiSecureBootEnableDisableGuid``).
SECURE_BOOT: Final = "f0a30bc7-af08-4556-99c4-001009c93a44"
#: Kept over a power cycle; readable by boot services; and by an operating system.
_ATTRIBUTES: Final = 0x7
_PATIENCE: Final = 60


class StoreError(Exception):
    """The variable store cannot be read or written."""


class Variables:
    """The variables of one store by name: none of UEFI's shares its name with another vendor's."""

    def __init__(self, listed: Iterable[Mapping[str, Any]]) -> None:
        self._known = {str(each["name"]): dict(each) for each in listed}
        self._changed: set[str] = set()

    def names(self) -> list[str]:
        """Return the names of all variables."""
        return sorted(self._known)

    def value(self, name: str) -> bytes | None:
        """Return the value of a variable, or None."""
        found = self._known.get(name)
        return None if found is None else bytes.fromhex(found["data"])

    def put(self, name: str, data: bytes | None, vendor: str = GLOBAL) -> None:
        """Set a variable to ``data``, or delete it where that is None."""
        if data == self.value(name):
            return
        self._changed.add(name)
        if data is None:
            del self._known[name]
        else:
            new = {"name": name, "guid": vendor, "attr": _ATTRIBUTES}
            self._known[name] = self._known.get(name, new) | {"data": data.hex()}

    def numbers(self, name: str) -> list[int]:
        """Return a variable of UEFI's that is a list of 16-bit numbers, such as BootOrder."""
        data = self.value(name) or b""
        return list(struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2]))

    def put_numbers(self, name: str, numbers: list[int]) -> None:
        """Set a variable that is a list of 16-bit numbers; an empty list deletes it."""
        self.put(name, struct.pack(f"<{len(numbers)}H", *numbers) if numbers else None)

    def changes(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the variables that were set, and the names of those that were deleted."""
        names = sorted(self._changed)
        return (
            [self._known[name] for name in names if name in self._known],
            [name for name in names if name not in self._known],
        )


def program() -> str | None:
    """Return where ``virt-fw-vars`` is: beside our Python, or on the PATH."""
    beside = Path(sys.executable).parent / PROGRAM
    return str(beside) if beside.exists() else shutil.which(PROGRAM)


def read(store: Path) -> Variables:
    """Return the variables in ``store``. Raises ``StoreError``."""
    output = _run(store, "--output-json", "-")
    try:
        return Variables(json.loads(output)["variables"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{PROGRAM} tells nothing of {store}") from error


def write(store: Path, variables: Variables) -> None:
    """Bring what was changed in ``variables`` to ``store``, whole or not at all."""
    put, gone = variables.changes()
    if not put and not gone:
        return
    changes, parts = store.with_suffix(".json"), store.with_suffix(".part")
    words = ["--output", str(parts)]
    for name in gone:
        words += ["--delete", name]
    try:
        if put:
            changes.write_text(json.dumps({"version": 2, "variables": put}))
            words += ["--set-json", str(changes)]
        _run(store, *words)
        parts.replace(store)
    except OSError as error:
        raise StoreError(f"{store} cannot be written: {error.strerror}") from error
    finally:
        changes.unlink(missing_ok=True)
        parts.unlink(missing_ok=True)


def _run(store: Path, *words: str) -> str:
    tool = program()
    if tool is None:
        raise StoreError(f"{PROGRAM} is not installed")
    try:
        done = subprocess.run(
            [tool, "--input", str(store), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{PROGRAM} cannot be run: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it does not say why"])[-1]
        raise StoreError(f"{PROGRAM} cannot make anything of {store}: {last}")
    return done.stdout
