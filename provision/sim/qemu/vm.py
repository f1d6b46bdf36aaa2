"""One run of QEMU, from power on to power off; it never outlives this process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from provision.sim.qemu.qmp import Qmp, QmpError

#: The kernel kills QEMU when we die, however we do; the shell sees to it that we had not already.
_LEASH: Final = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"'),
)
_BLINK: Final = 0.02


class Vm:
    """A running QEMU."""

    def __init__(self, command: Callable[[int], list[str]], log: Path) -> None:
        """Start QEMU; ``command`` is told the socket for QMP. What it says goes to ``log``."""
        self.reason = ""  # why the machine stopped, in QMP's words; nothing when QEMU was killed
        self.qmp = Qmp(self._on_event)
        self._ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_LEASH, str(os.getpid()), *command(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us, and we end it
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether QEMU runs."""
        return self._process.poll() is None

    async def connect(self) -> None:
        """Get hold of the machine. Raises ``QmpError`` where QEMU did not start."""
        await self.qmp.connect(self._ours)

    def kill(self) -> None:
        """Take the power away."""
        if self.running:
            self._process.kill()

    async def stop(self) -> None:
        """End QEMU so that all it has to write is written."""
        try:
            await self.qmp.command("quit")
        except QmpError:
            self.kill()
        await self.ended()

    async def ended(self) -> None:
        """Wait until QEMU has ended and all it said was heard."""
        while self.running:
            await asyncio.sleep(_BLINK)
        await self.qmp.drained()
        self._ours.close()

    def _on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "SHUTDOWN":
            self.reason = str(data.get("reason", ""))
