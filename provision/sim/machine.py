"""A simulated server's life: power, POST, boot, shutdown.

A change of power is accepted at once and happens in its own time, as behind a real BMC. What real
BMCs do differently, decided here: a reset that asks for the state the server is already in (On when
on; anything but On when off) is refused with 409; a graceful shutdown is always accepted and does
something only when a running operating system answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from provision.sim.bios import Bios
from provision.sim.boot import BootConfig, options_for
from provision.sim.console import Console
from provision.sim.media import Slot
from provision.sim.spec import ServerSpec


class Power(StrEnum):
    """Values of ComputerSystem.PowerState."""

    OFF = "Off"
    ON = "On"
    POWERING_ON = "PoweringOn"
    POWERING_OFF = "PoweringOff"


class Progress(StrEnum):
    """Values of ComputerSystem.BootProgress.LastState, in the order of a boot."""

    NONE = "None"
    PROCESSOR = "PrimaryProcessorInitializationStarted"
    MEMORY = "MemoryInitializationStarted"
    PCI = "PCIResourceConfigStarted"
    DONE = "SystemHardwareInitializationComplete"
    SETUP = "SetupEntered"
    OS_BOOT = "OSBootStarted"
    OS_RUNNING = "OSRunning"


class Reset(StrEnum):
    """The reset types on offer."""

    ON = "On"
    FORCE_OFF = "ForceOff"
    GRACEFUL_SHUTDOWN = "GracefulShutdown"
    GRACEFUL_RESTART = "GracefulRestart"
    FORCE_RESTART = "ForceRestart"
    POWER_CYCLE = "PowerCycle"


class WrongState(Exception):
    """The reset asks for the state the server is in, or for one it cannot reach from there."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take, in seconds. A real server's POST takes ten times as long."""

    reply: float = 0.05
    power: float = 1.0
    post: float = 8.0
    shutdown: float = 2.0
    line: float = 0.1
    second: float = 1.0  # what a boot script calls a second

    def scaled(self, factor: float) -> Timing:
        """Return these times, each multiplied by ``factor``."""
        return replace(self, **{name: value * factor for name, value in vars(self).items()})


class Machine:
    """The server behind one BMC."""

    def __init__(self, spec: ServerSpec, *, timing: Timing, serial_log: Path, stick: Path) -> None:
        self.spec = spec
        self.timing = timing
        self.stick = stick
        self.console = Console(serial_log)
        self.power = Power.OFF
        self.progress = Progress.NONE
        self.progress_at: datetime | None = None
        self.last_reset: datetime | None = None
        self.boots = 0
        self.bios = Bios(spec)
        self.secure_boot = spec.secure_boot
        self.secure_boot_pending = spec.secure_boot
        self.boot = BootConfig(options_for(spec))
        self.slots = (Slot("CD1", ("CD", "DVD")), Slot("USB1", ("USBStick",)))
        self.asset_tag = ""
        self.locate = False
        self._life: asyncio.Task[None] | None = None

    @property
    def os_running(self) -> bool:
        """Whether an operating system runs that would answer a graceful shutdown."""
        return self.progress is Progress.OS_RUNNING

    def reach(self, progress: Progress) -> None:
        """Note how far the boot has come."""
        self.progress, self.progress_at = progress, datetime.now(UTC)

    def reset(self, kind: Reset) -> None:
        """Accept a reset, or raise ``WrongState``; the change goes on by itself."""
        is_off = self.power in (Power.OFF, Power.POWERING_OFF)
        if is_off is not (kind is Reset.ON):
            raise WrongState(f"{kind} while {self.power}")
        graceful = kind in (Reset.GRACEFUL_SHUTDOWN, Reset.GRACEFUL_RESTART)
        if graceful and not self.os_running:
            return  # nobody there to answer the power button
        work: dict[Reset, Callable[[], Coroutine[None, None, None]]] = {
            Reset.ON: self._power_up,
            Reset.FORCE_RESTART: self._post,
            Reset.POWER_CYCLE: self._cycle,
            Reset.GRACEFUL_SHUTDOWN: self._shut_down,
            Reset.GRACEFUL_RESTART: self._restart,
        }
        self.last_reset = datetime.now(UTC)
        self._stop()
        if kind is Reset.FORCE_OFF:
            self._cut()
        else:
            self._life = asyncio.get_running_loop().create_task(work[kind]())

    async def close(self) -> None:
        """End the life of the machine, wherever it is."""
        life = self._life
        self._stop()
        if life:
            await asyncio.gather(life, return_exceptions=True)

    async def pause(self, seconds: float) -> None:
        """Let (already scaled) time pass; other servers live on meanwhile."""
        await asyncio.sleep(seconds)

    def _stop(self) -> None:
        if self._life:
            self._life.cancel()
            self._life = None

    def _cut(self) -> None:
        self.power = Power.OFF
        self.reach(Progress.NONE)

    async def _power_up(self) -> None:
        self.power = Power.POWERING_ON
        await self.pause(self.timing.power)
        self.power = Power.ON
        await self._post()

    async def _cycle(self) -> None:
        self._cut()
        await self.pause(self.timing.power)
        await self._power_up()

    async def _shut_down(self) -> None:
        self.power = Power.POWERING_OFF
        self.console.write("System is going down for power-off")
        await self.pause(self.timing.shutdown)
        self._cut()

    async def _restart(self) -> None:
        self.console.write("System is going down for reboot")
        await self.pause(self.timing.shutdown)
        await self._post()

    async def _post(self) -> None:
        """Power-on self-test: pending settings take effect, then the boot begins."""
        from provision.sim.firmware import Firmware

        self.boots += 1
        for progress in (Progress.PROCESSOR, Progress.MEMORY, Progress.PCI):
            self.reach(progress)
            await self.pause(self.timing.post / 3)
        self.bios.apply()
        self.secure_boot = self.secure_boot_pending
        self.reach(Progress.DONE)
        await Firmware(self).boot()
