"""What a simulated server may boot from, and what it was told to boot from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from provision.sim.spec import ServerSpec


class Device(StrEnum):
    """The things a boot option can point at."""

    DISK = "disk"
    STICK = "stick"
    CD = "cd"
    VIRTUAL_USB = "virtual-usb"
    PXE = "pxe"
    FIRMWARE = "firmware"  # a program inside the firmware, such as its shell


@dataclass(frozen=True, kw_only=True)
class BootOption:
    """One entry of the firmware's boot menu.

    ``alias`` is the override target it answers to; empty for an entry that answers to none.
    """

    reference: str
    name: str
    alias: str
    path: str
    device: Device


#: Targets of BootSourceOverrideTarget on offer.
TARGETS = ("None", "Pxe", "Hdd", "Cd", "Usb", "BiosSetup", "UefiTarget")
ENABLED = ("Disabled", "Once", "Continuous")
MODES = ("UEFI", "Legacy")


def options_for(spec: ServerSpec) -> tuple[BootOption, ...]:
    """Return the boot menu of a server, in the order the factory leaves it in."""
    mac = spec.nics[0].mac.replace(":", "").upper() if spec.nics else "0" * 12
    entries = [
        (Device.DISK, "Hdd", "Internal Disk", "PciRoot(0x0)/Pci(0x11,0x4)/Sata(0x0,0xFFFF,0x0)"),
        (Device.STICK, "Usb", "Internal USB Stick", "PciRoot(0x0)/Pci(0x14,0x0)/USB(0x6,0x0)"),
        (Device.CD, "Cd", "Virtual CD", "PciRoot(0x0)/Pci(0x14,0x0)/USB(0xD,0x0)/USB(0x0,0x0)"),
        (
            Device.VIRTUAL_USB,
            "Usb",
            "Virtual USB Stick",
            "PciRoot(0x0)/Pci(0x14,0x0)/USB(0xD,0x0)/USB(0x1,0x0)",
        ),
        (Device.PXE, "Pxe", "Network Port 1", f"PciRoot(0x0)/Pci(0x1C,0x0)/MAC({mac},0x1)/IPv4()"),
    ]
    return tuple(
        BootOption(reference=f"Boot{number:04X}", name=name, alias=alias, path=path, device=device)
        for number, (device, alias, name, path) in enumerate(entries, 1)
    )


class BootConfig:
    """The boot order and the override of one server."""

    targets: tuple[str, ...] = TARGETS
    modes: tuple[str, ...] = MODES

    def __init__(self, options: tuple[BootOption, ...]) -> None:
        self.options = {option.reference: option for option in options}
        self.order = list(self.options)
        #: Called when the firmware has found other options than before.
        self.on_change: Callable[[], None] = _nothing
        self.target = "None"
        self.enabled = "Disabled"
        self.mode = "UEFI"
        self.uefi_target = ""

    def found(self, options: Iterable[BootOption], order: Iterable[str]) -> None:
        """Take over what the firmware found: its options, and their order."""
        known = {option.reference: option for option in options}
        self.order = [reference for reference in order if reference in known]
        if known != self.options:
            self.options = known
            self.on_change()

    def clear(self) -> None:
        """Forget the override."""
        self.target, self.enabled = "None", "Disabled"

    def take(self) -> tuple[str, list[BootOption]]:
        """Return what this boot is to try (the override's target, and devices in order).

        An override is tried first and the boot order after it. ``Once`` is spent by this call,
        whatever comes of the boot.
        """
        target = self.target if self.enabled != "Disabled" else "None"
        order = [self.options[reference] for reference in self.order]
        first = self.overriding()
        if self.enabled == "Once":
            self.clear()
        return target, first + [option for option in order if option not in first]

    def overriding(self) -> list[BootOption]:
        """Return the options that the override in force means, those in the boot order first."""
        if self.enabled == "Disabled":
            return []
        return [
            option
            for option in map(self.options.__getitem__, dict.fromkeys([*self.order, *self.options]))
            if option.alias == self.target
            or (self.target == "UefiTarget" and option.path == self.uefi_target)
        ]


def _nothing() -> None:
    """Nobody listens."""
