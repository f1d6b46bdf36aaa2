"""The simulated firmware: it looks at what is really on the stick, and runs it.

An image is bootable when it has a boot signature (55 AA at byte 510) or, in a CD drive, an ISO 9660
file system with an El Torito record. What then "runs" is its boot script: text that starts with
``BAREIRON-SIM-BOOT`` and a newline somewhere in the first MiB and ends at the first NUL. Each line
goes to the serial console, but for these:

    ?virt LINE      LINE counts only when virtualization is enabled in the BIOS; likewise
                    ?iommu, ?sriov, ?uefi (the boot mode) and ?secureboot
    !virt LINE      LINE counts only when it is disabled
    @wait SECONDS   a pause (scaled as all times are)
    @hang           stop here: the operating system never comes up, answers no shutdown
    @signed         the firmware may start this image while secure boot is on

After the last line the operating system runs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from provision.sim.boot import BootOption, Device
from provision.sim.machine import Machine, Progress
from provision.sim.media import HEAD, MediaError, Slot, fetch

MARK: Final = b"BAREIRON-SIM-BOOT\n"
_GUARD: Final = re.compile(r"([?!])(virt|iommu|sriov|uefi|secureboot) (.*)")
_SECTOR: Final = 2048


def has_boot_signature(head: bytes) -> bool:
    """Whether the first sector ends in 55 AA."""
    return head[510:512] == b"\x55\xaa"


def has_el_torito(head: bytes) -> bool:
    """Whether this is an ISO 9660 file system whose volume descriptors name a boot record."""
    for sector in range(16, 32):
        descriptor = head[sector * _SECTOR : (sector + 1) * _SECTOR]
        if descriptor[1:6] != b"CD001" or descriptor[0] == 255:
            return False
        if descriptor[0] == 0 and descriptor[7:30] == b"EL TORITO SPECIFICATION":
            return True
    return False


def script_of(head: bytes) -> list[str] | None:
    """Return the lines of the boot script in an image's first MiB, or None."""
    start = head.find(MARK)
    if start < 0:
        return None
    text = head[start + len(MARK) :].split(b"\0", 1)[0]
    return text.decode("utf-8", errors="replace").splitlines()


class Firmware:
    """One boot of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.say = machine.console.write

    async def boot(self) -> None:
        """Try the override, then the boot order, until something runs."""
        machine = self.machine
        target, options = machine.boot.take()
        self._banner()
        if target == "BiosSetup":
            machine.reach(Progress.SETUP)
            self.say("Entering setup")
            return
        for option in options:
            await machine.pause(machine.timing.line)
            if await self._try(option):
                return
        self.say("No bootable device")

    def _banner(self) -> None:
        machine, spec = self.machine, self.machine.spec
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.say(f"bareiron simulator firmware 1.0, boot {machine.boots} at {now}")
        self.say(f"{spec.vendor} {spec.model}, serial number {spec.serial}")
        self.say(f"{spec.sockets} x {spec.cpu.model}, {spec.memory_mib} MiB of memory")
        virtualization = machine.bios.current["ProcVirtualization"].lower()
        self.say(f"Processor virtualization: {virtualization}")

    async def _try(self, option: BootOption) -> bool:
        """Boot from ``option``; False sends the firmware on to the next one."""
        readers: dict[Device, Callable[[], Awaitable[bytes | None]]] = {
            Device.STICK: self._stick,
            Device.CD: lambda: self._slot(0),
            Device.VIRTUAL_USB: lambda: self._slot(1),
            Device.DISK: self._disk,
            Device.PXE: self._pxe,
        }
        head = await readers[option.device]()
        if head is None:
            return False
        bootable = has_el_torito if option.device is Device.CD else has_boot_signature
        if not bootable(head):
            self.say(f"{option.name}: no boot signature")
            return False
        script = script_of(head)
        if self.machine.secure_boot and "@signed" not in (script or ()):
            self.say(f"{option.name}: Access Denied (secure boot: image is not signed)")
            return False
        self.say(f"Booting from {option.name}" + ("" if script else ": unknown operating system"))
        if script:
            await self._run(script)
        return True

    async def _run(self, script: list[str]) -> None:
        machine = self.machine
        machine.reach(Progress.OS_BOOT)
        for raw in script:
            line = self._unguarded(raw)
            if line is None or line == "@signed":
                continue
            if line == "@hang":
                return
            if line.startswith("@wait "):
                await machine.pause(_seconds(line[6:]) * machine.timing.second)
                continue
            self.say(line)
            await machine.pause(machine.timing.line)
        machine.reach(Progress.OS_RUNNING)

    def _unguarded(self, line: str) -> str | None:
        """Return the line without its guards, or None when one of them forbids it."""
        bios = self.machine.bios
        while match := _GUARD.fullmatch(line):
            holds = {
                "virt": bios.on("ProcVirtualization"),
                "iommu": bios.on("Iommu"),
                "sriov": bios.on("Sriov"),
                "uefi": bios.current["BootMode"] == "Uefi",
                "secureboot": self.machine.secure_boot,
            }[match[2]]
            if holds is not (match[1] == "?"):
                return None
            line = match[3]
        return line

    async def _stick(self) -> bytes | None:
        if not self.machine.bios.on("UsbBoot"):
            return None
        try:
            with self.machine.stick.open("rb") as file:
                return file.read(HEAD)
        except OSError:
            return None  # no stick in the server

    async def _slot(self, index: int) -> bytes | None:
        slot: Slot = self.machine.slots[index]
        if slot.image is None:
            return None
        try:
            return await fetch(slot.image)
        except MediaError as error:
            self.say(f"Virtual media {slot.name}: read error: {error}")
            return None

    async def _disk(self) -> bytes | None:
        script = self.machine.spec.disk_script.encode()
        return bytes(510) + b"\x55\xaa" + (MARK + script if script else b"") if script else None

    async def _pxe(self) -> bytes | None:
        self.say("PXE: no answer from a DHCP server")
        return None


def _seconds(text: str) -> float:
    try:
        return max(0.0, min(float(text), 3600.0))
    except ValueError:
        return 0.0
