"""Boot settings of a virtual machine: what the BMC was told, and what the firmware's variables say.

The firmware reads its variables when it starts, so they are written while the machine is off, and
read back once the firmware has gone through its devices.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from provision.sim.boot import BootConfig, BootOption
from provision.sim.qemu import topology
from provision.sim.qemu.entries import Entry, entry
from provision.sim.qemu.store import GLOBAL, SECURE_BOOT, Variables

_REFERENCE: Final = re.compile(r"Boot([0-9A-F]{4})")
#: EFI_OS_INDICATIONS_BOOT_TO_FW_UI (UEFI 2.10, 8.5.4).
_TO_SETUP: Final = 1


class VirtualBoot(BootConfig):
    """The boot order and the override of one virtual machine."""

    targets = ("None", "Hdd", "Cd", "Usb", "BiosSetup", "UefiShell", "UefiTarget")
    modes = ("UEFI",)

    def __init__(self) -> None:
        super().__init__(())
        self._real_order: list[str] = []
        self._next: list[int] = []  # what we left in BootNext
        self._setup = False  # whether we asked for the firmware's setup
        self._once: tuple[str, str] | None = None  # the override that this start spends

    def read(self, variables: Variables) -> None:
        """Take over what the firmware has: its options, their order, and what it took up.

        An order that waits for the next start stays; what the firmware no longer has goes from it,
        and what is new comes last, as in the firmware's own.
        """
        options = list(_options(variables))
        known = [option.reference for option in options]
        real = [name for name in map(_name, variables.numbers("BootOrder")) if name in known]
        waiting = self.order if self.order != self._real_order else []
        kept = [name for name in waiting if name in real]
        self._real_order = real
        self.found(options, kept + [name for name in real if name not in kept])

    def write(self, variables: Variables) -> None:
        """Write what the next start is to do: the order, the override."""
        if self.order != self._real_order:
            mine = [int(name[4:], 16) for name in self.order]
            rest = [number for number in variables.numbers("BootOrder") if number not in mine]
            variables.put_numbers("BootOrder", mine + rest)
        wanted = [int(option.reference[4:], 16) for option in self.overriding()][:1]
        # One that an operating system left there is none of ours.
        if wanted or variables.numbers("BootNext") == self._next:
            variables.put_numbers("BootNext", wanted)
        self._next = wanted
        setup = self.enabled != "Disabled" and self.target == "BiosSetup"
        if setup or self._setup:
            _ask_for_setup(variables, setup)
        self._setup = setup
        self._once = (self.target, self.uefi_target) if self.enabled == "Once" else None

    def written(self) -> None:
        """Note that the firmware's variables now say what was to be written."""
        self._real_order = list(self.order)

    def taken(self, variables: Variables) -> bool:
        """Whether the firmware has taken up the override that was written; ``Once`` is then spent.

        An override for which there is no option could not be written, and counts as taken. One
        that came after the start waits for the next.
        """
        waits = bool(self._next) and variables.numbers("BootNext") == self._next
        waits = waits or (self._setup and bool(_indications(variables) & _TO_SETUP))
        if not waits and self._once:
            if self.enabled == "Once" and self._once == (self.target, self.uefi_target):
                self.clear()
            self._once = None
        return not waits

    @property
    def to_setup(self) -> bool:
        """Whether the firmware was asked for its setup at this start."""
        return self._setup


def choose_secure_boot(variables: Variables, on: bool) -> None:
    """Have the firmware check signatures, or not; the store holds keys in either case."""
    variables.put("SecureBootEnable", bytes([on]), SECURE_BOOT)


def _options(variables: Variables) -> list[BootOption]:
    """Return the boot options that the firmware has and shows, by their number."""
    found = []
    for name in filter(_REFERENCE.fullmatch, variables.names()):
        known = entry(variables.value(name) or b"")
        if known and known.listed and not topology.is_setup(known.path):
            found.append(_option(name, known))
    return found


def _option(reference: str, found: Entry) -> BootOption:
    alias, device = topology.recognise(found.path)
    return BootOption(
        reference=reference, name=found.title, alias=alias, path=found.path, device=device
    )


def _name(number: int) -> str:
    return f"Boot{number:04X}"


def _indications(variables: Variables) -> int:
    data = variables.value("OsIndications") or b""
    return int.from_bytes(data[:8], "little")


def _ask_for_setup(variables: Variables, wanted: bool) -> None:
    told = _indications(variables)
    asked = told | _TO_SETUP if wanted else told & ~_TO_SETUP
    if asked != told:
        variables.put("OsIndications", struct.pack("<Q", asked), GLOBAL)
