"""Where a rack's virtual machines come from."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from provision.core.errors import ConfigError
from provision.sim.machine import Machine, Timing
from provision.sim.qemu import store, topology
from provision.sim.qemu.machine import VirtualMachine
from provision.sim.qemu.qmp import QmpError
from provision.sim.qemu.store import StoreError, Variables
from provision.sim.qemu.vm import Vm
from provision.sim.spec import ServerSpec

#: Both as Debian's and Ubuntu's ``ovmf`` have them; the variables hold Microsoft's keys.
CODE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
#: Enough for Xen and a guest; what a guest does not touch is not taken.
MEMORY_MIB: Final = 2048
DISK_BYTES: Final = 16 * 1024**3

_PROGRAMS: Final = ("qemu-system-x86_64", "setpriv", "sh")
_INSTALL: Final = "Install QEMU and OVMF: sudo apt install qemu-system-x86 ovmf"
_PATIENCE: Final = 180.0
_GLANCE: Final = 0.1


class Qemu:
    """Virtual machines that all are built alike: so the variables of one fit the others."""

    def __init__(self) -> None:
        self._factory = Path()
        self._variables = Variables(())

    def fit(self, spec: ServerSpec) -> ServerSpec:
        """Return ``spec`` with what a virtual machine has of it, and no more.

        Raises ``ConfigError`` for a server that is more than its description.
        """
        if type(spec) is not ServerSpec:
            raise ConfigError(
                f"giving {spec.name} a virtual machine: it has a personality or a recorded tree",
                hint="Virtual machines stand behind standard servers only.",
            )
        return replace(
            spec,
            cpu=topology.PROCESSOR,
            sockets=1,
            memory=(min(spec.memory_mib, MEMORY_MIB),),
            iommu=False,
            sriov=False,
            tpm="",
            nics=(),
            disk_bytes=min(spec.disk_bytes, DISK_BYTES),
            disk_script="",
        )

    async def prepare(self, directory: Path) -> None:
        """Let one machine go through its POST: what its firmware finds is what all find.

        Raises ``ConfigError`` where something is missing.
        """
        _check()
        self._factory = directory / "factory.fd"
        try:
            await _manufacture(self._factory)
            self._variables = await asyncio.to_thread(store.read, self._factory)
        except (StoreError, QmpError, OSError, TimeoutError) as error:
            raise ConfigError(
                f"starting a first virtual machine in {directory}: "
                f"{_last_words(self._factory) or error}",
                hint=f"It needs 512 MiB of memory, and 2 MiB in that directory. {_INSTALL}",
            ) from error

    def machine(
        self, spec: ServerSpec, *, timing: Timing, serial_log: Path, stick: Path
    ) -> Machine:
        """Return a machine that is off; one that was there already keeps its variables and disk."""
        machine = VirtualMachine(spec, timing=timing, serial_log=serial_log, stick=stick, code=CODE)
        try:
            with machine.disk.open("ab") as disk:
                disk.truncate(spec.disk_bytes)
            if machine.variables.exists():
                machine.found(store.read(machine.variables))
            else:
                shutil.copyfile(self._factory, machine.variables)
                machine.found(self._variables)
        except (OSError, StoreError) as error:
            raise ConfigError(
                f"laying out the virtual machine {spec.name}: {error}",
                hint="Choose another directory, or remove this one.",
            ) from error
        return machine


def _check() -> None:
    programs = [name for name in _PROGRAMS if not shutil.which(name)]
    files = [str(file) for file in (CODE, VARIABLES) if not file.exists()]
    if programs or files:
        raise ConfigError(
            f"looking for QEMU and OVMF: not here: {', '.join(programs + files)}", hint=_INSTALL
        )
    if not store.program():
        raise ConfigError(
            f"looking for {store.PROGRAM}, which edits the firmware's variables: it is not here",
            hint="Install virt-firmware beside this program: pip install virt-firmware",
        )


def _last_words(variables: Path) -> str:
    """Return what QEMU said last, where it said anything."""
    try:
        said = variables.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return (said.strip().splitlines() or [""])[-1]


async def _manufacture(variables: Path) -> None:
    """Make ``variables`` those of a machine that has been switched on once."""
    serial, log = variables.with_suffix(".serial"), variables.with_suffix(".log")
    disk, stick = variables.with_suffix(".disk"), variables.with_suffix(".stick")
    shutil.copyfile(VARIABLES, variables)
    serial.write_bytes(b"")
    for blank in (disk, stick):
        with blank.open("wb") as file:
            file.truncate(1024**2)
    files = topology.Files(
        code=CODE, variables=variables, serial=serial, disk=disk, stick=stick, disc=None
    )
    spec = ServerSpec(name="factory", memory=(512,))
    vm = Vm(
        lambda control: topology.command(spec, files, virtualization=True, control=control), log
    )
    until = time.monotonic() + _PATIENCE
    try:
        await vm.connect()
        while b"BdsDxe: " not in serial.read_bytes():  # it goes through its options: it has them
            if not vm.running or time.monotonic() > until:
                raise TimeoutError("its firmware does not get to its boot options")
            await asyncio.sleep(_GLANCE)
        await vm.stop()
    finally:
        vm.kill()
        for gone in (serial, disk, stick):
            gone.unlink(missing_ok=True)
