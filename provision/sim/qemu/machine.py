"""A server that is a virtual machine: power, POST and boot are QEMU's and its firmware's.

QEMU ends at each reset of its guest, so that what waits for the next start (boot order, override,
settings) can be written before the firmware looks at it; then QEMU is started anew.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from provision.sim.bios import BY_NAME, Bios
from provision.sim.machine import Machine, Progress, Reset, Timing
from provision.sim.media import MediaError
from provision.sim.qemu import store, topology
from provision.sim.qemu.boot import VirtualBoot, choose_secure_boot
from provision.sim.qemu.drive import Drive
from provision.sim.qemu.qmp import QmpError
from provision.sim.qemu.store import StoreError, Variables
from provision.sim.qemu.vm import Vm
from provision.sim.spec import ServerSpec

#: The BIOS settings that mean something to a virtual machine.
ATTRIBUTES: Final = ("ProcVirtualization", "UsbBoot", "InternalUsb")
#: What EDK II's boot device selection says on the console, all of it early.
_BDS: Final = re.compile(rb"BdsDxe: (loading|starting|failed to \w+|No bootable)")
_HEAD: Final = 64 * 1024
_GLANCE: Final = 0.2
#: For how long the variables have been left alone when the firmware is done with them.
_QUIET: Final = 0.5

_Result = TypeVar("_Result")


class VirtualMachine(Machine):
    """The virtual machine behind one BMC; its files lie beside the serial log."""

    def __init__(
        self, spec: ServerSpec, *, timing: Timing, serial_log: Path, stick: Path, code: Path
    ) -> None:
        super().__init__(spec, timing=timing, serial_log=serial_log, stick=stick)
        home = serial_log.parent
        self.bios = Bios(spec, {name: BY_NAME[name] for name in ATTRIBUTES})
        self.virtual_boot = VirtualBoot()
        self.boot = self.virtual_boot
        self.drive = Drive("CD1", home / "cd.iso", self._change_disc)
        self.slots = (self.drive,)
        self.variables, self.disk, self._log = (
            home / "vars.fd",
            home / "disk.img",
            home / "qemu.log",
        )
        self._code, self._begun = code, 0
        self._vm: Vm | None = None
        # One after the other, also when nobody waits for the result any more.
        self._files = ThreadPoolExecutor(1, thread_name_prefix=f"vars-{spec.name}")

    @property
    def vm(self) -> Vm | None:
        """The QEMU that runs, or ran last."""
        return self._vm

    @property
    def os_running(self) -> bool:
        """Whether there is somebody to press the power button of; what comes of it is seen."""
        return self._vm is not None and self._vm.running

    async def close(self) -> None:
        """End the machine, wherever it is."""
        await super().close()
        await self._end()
        self._files.shutdown()

    def found(self, variables: Variables) -> None:
        """Take over what the firmware has by its variables."""
        self.virtual_boot.read(variables)

    def reset(self, kind: Reset) -> None:
        """Accept a reset, or raise ``WrongState``; the change goes on by itself."""
        super().reset(kind)
        if kind is Reset.FORCE_OFF and self._vm:
            self._life = asyncio.get_running_loop().create_task(self._settle())

    def _cut(self) -> None:
        if self._vm:
            self._vm.kill()
        super()._cut()

    async def _shut_down(self) -> None:
        """Press the power button; the machine is on until its operating system has gone."""
        await self._press()
        await self._live()

    async def _restart(self) -> None:
        """Press the power button, and start again once the operating system has gone."""
        await self._press()
        await self._watch()
        await self._post()

    async def _press(self) -> None:
        with suppress(QmpError):  # gone already
            if self._vm:
                await self._vm.qmp.command("system_powerdown")

    async def _post(self) -> None:
        """Start QEMU with all that waited for a start, and go with it until it is off."""
        await self._start()
        await self._live()

    async def _live(self) -> None:
        while await self._watch() == "guest-reset":
            await self._start()
        self._cut()

    async def _start(self) -> None:
        await self._end()
        self.boots += 1
        self._begun = self.console.path.stat().st_size
        self.reach(Progress.PROCESSOR)
        self.bios.apply()
        self.secure_boot = self.secure_boot_pending
        try:
            await self._write_variables()
            self._vm = Vm(self._command, self._log)
            await self._vm.connect()
        except (StoreError, QmpError, OSError) as error:
            await self._end()
            self.console.write(f"bareiron: the machine did not start: {error}")

    async def _end(self) -> None:
        if self._vm:
            self._vm.kill()
            await self._vm.ended()
            self._vm = None

    async def _settle(self) -> None:
        """See what a machine that was cut off has left."""
        await self._end()
        await self._look()

    async def _write_variables(self) -> None:
        variables = await self._in_turn(lambda: store.read(self.variables))
        self.virtual_boot.read(variables)
        self.virtual_boot.taken(variables)
        self.virtual_boot.write(variables)
        choose_secure_boot(variables, self.secure_boot)
        await self._in_turn(lambda: store.write(self.variables, variables))
        self.virtual_boot.written()

    def _command(self, control: int) -> list[str]:
        stick = self.stick if self.bios.on("UsbBoot") and self.stick.exists() else None
        files = topology.Files(
            code=self._code,
            variables=self.variables,
            serial=self.console.path,
            disk=self.disk,
            stick=stick,
            disc=self.drive.disc,
        )
        return topology.command(
            self.spec, files, virtualization=self.bios.on("ProcVirtualization"), control=control
        )

    async def _watch(self) -> str:
        """Follow the boot until QEMU has ended; return why it did."""
        vm, seen = self._vm, 0.0
        if vm is None:
            return ""
        while vm.running:
            self._follow()
            changed = self.variables.stat().st_mtime
            if changed != seen and time.time() - changed > _QUIET:
                seen = changed
                await self._look()
            await asyncio.sleep(_GLANCE)
        await self._settle()
        return vm.reason

    def _follow(self) -> None:
        """Tell the boot's progress by what the firmware says of it on the console."""
        with self.console.path.open("rb") as console:
            console.seek(self._begun)
            said = _BDS.findall(console.read(_HEAD))
        if not said:
            return
        reached = Progress.OS_BOOT if said[-1] == b"starting" else Progress.DONE
        if self.progress is not reached:
            self.reach(reached)

    async def _look(self) -> None:
        """Take over what the firmware's variables say now."""
        with suppress(StoreError):  # it may be writing them: the next look sees them whole
            variables = await self._in_turn(lambda: store.read(self.variables))
            self.virtual_boot.read(variables)
            if self.virtual_boot.taken(variables) and self.virtual_boot.to_setup and self._vm:
                self.reach(Progress.SETUP)

    async def _change_disc(self, disc: Path | None) -> None:
        """Change the disc in the drive of the machine, if it runs; a start finds it there."""
        if self._vm is None or not self._vm.running:
            return
        try:
            if disc is None:
                await self._vm.qmp.command("eject", id="cd", force=True)
            else:
                await self._vm.qmp.command(
                    "blockdev-change-medium", id="cd", filename=str(disc), format="raw"
                )
        except QmpError as error:
            raise MediaError(str(error)) from error

    async def _in_turn(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._files, work)
