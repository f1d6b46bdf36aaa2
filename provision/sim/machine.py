"""A simulated server's life: power, POST, boot, shutdown.

A change of power is accepted at once and happens in its own time, as behind a real BMC. Real BMCs
differ where a reset does not fit the state. Decided here, as DMTF's use case checkers want it: On
when on and ForceOff when off succeed and do nothing; ForceRestart and PowerCycle start a server
that is off; a graceful reset of one that is off is refused with 409, and of one whose operating
system does not answer it is accepted and does nothing.
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
    """The server cannot do this in the state it is in."""


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
        self.slots: tuple[Slot, ...] = (Slot("CD1", ("CD", "DVD")), Slot("USB1", ("USBStick",)))
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
        if self._in_vain(kind):
            return
        off = self.power is Power.OFF
        work: dict[Reset, Callable[[], Coroutine[None, None, None]]] = {
            Reset.ON: self._power_up,
            Reset.FORCE_RESTART: self._power_up if off else self._post,
            Reset.POWER_CYCLE: self._power_up if off else self._cycle,
            Reset.GRACEFUL_SHUTDOWN: self._shut_down,
            Reset.GRACEFUL_RESTART: self._restart,
        }
        self.last_reset = datetime.now(UTC)
        self._stop()
        if kind is Reset.FORCE_OFF:
            self._cut()
        else:
            self._life = asyncio.get_running_loop().create_task(work[kind]())

    def _in_vain(self, kind: Reset) -> bool:
        """Whether the reset would change nothing; ``WrongState`` where it makes no sense."""
        off = self.power is Power.OFF
        if kind is Reset.ON:
            return not off
        if kind is Reset.FORCE_OFF:
            return off
        if kind in (Reset.GRACEFUL_SHUTDOWN, Reset.GRACEFUL_RESTART):
            if off:
                raise WrongState(f"{kind} while {self.power}")
            # Nobody there to answer the power button, or somebody busy with answering it.
            return not self.os_running or self.power is Power.POWERING_OFF
        return False

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
