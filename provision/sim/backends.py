"""What can stand behind a simulated BMC: a machine played in this process, or a virtual one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from provision.sim.machine import Machine, Timing
from provision.sim.spec import ServerSpec


class Backend(Protocol):
    """Where the machines of a rack come from."""

    def fit(self, spec: ServerSpec) -> ServerSpec:
        """Return what a server described by ``spec`` is here, told as it then really is."""
        ...

    async def prepare(self, directory: Path) -> None:
        """Get ready for machines whose files lie below ``directory``.

        Raises ``ProvisionError`` where no machine could run here.
        """
        ...

    def machine(
        self, spec: ServerSpec, *, timing: Timing, serial_log: Path, stick: Path
    ) -> Machine:
        """Return a machine that is off; its other files lie beside ``serial_log``."""
        ...


class Played:
    """Machines played in this process: quick, many, and no guest code ever runs."""

    def fit(self, spec: ServerSpec) -> ServerSpec:
        """Return ``spec``: anything can be played."""
        return spec

    async def prepare(self, directory: Path) -> None:
        """Nothing is needed."""

    def machine(
        self, spec: ServerSpec, *, timing: Timing, serial_log: Path, stick: Path
    ) -> Machine:
        """Return a machine that boots what ``firmware`` understands."""
        return Machine(spec, timing=timing, serial_log=serial_log, stick=stick)
