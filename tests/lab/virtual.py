"""One server of a rack of virtual machines: our commands before it, its console behind it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from provision.sim import SimServer
from provision.sim.qemu.machine import VirtualMachine
from tests.lab import marker
from tests.lab.processes import provision

_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")
_SAID = re.compile(r"\[(\w+)( svm)?\]")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, and the folder for what our commands remember."""

    sim: SimServer
    state: Path

    @property
    def machine(self) -> VirtualMachine:
        """The virtual machine."""
        assert isinstance(self.sim.machine, VirtualMachine)
        return self.sim.machine

    def fill(
        self, *, stick: marker.Then | None = "halt", disk: marker.Then | None = "halt"
    ) -> None:
        """Put programs called ``stick`` and ``disk`` where the server boots from."""
        for file, name, then in (
            (self.sim.stick, "stick", stick),
            (self.machine.disk, "disk", disk),
        ):
            if then:
                marker.stick(file, name, then)

    async def do(self, *words: str, expect: int | None = 0) -> str:
        """Run one of our commands against the BMC; return what it printed."""
        verb, *rest = words
        access = (
            *("--user", self.sim.user, "--password-file", str(self.sim.password_file)),
            *("--ca-file", str(self.sim.ca_file)),
        )
        done = await asyncio.to_thread(
            provision, verb, self.sim.url, *rest, *access, state=self.state, expect=expect
        )
        return done.stdout + done.stderr

    def console(self) -> str:
        """Return the console's text, without terminal escapes."""
        return _ESCAPES.sub("", self.sim.console())

    def booted(self) -> list[str]:
        """Return the names of the programs that were booted so far, in this order."""
        return [found[0] for found in _SAID.findall(self.console())]

    async def shows(self, pattern: str, *, since: int = 0, within: float = 60) -> str:
        """Wait until the console shows ``pattern`` after its first ``since`` characters."""
        until = asyncio.get_running_loop().time() + within
        while not (found := re.search(pattern, self.console()[since:])):
            if asyncio.get_running_loop().time() > until:
                tail = self.console()[since:][-800:]
                raise AssertionError(f"no {pattern!r} within {within} s; the console ends:\n{tail}")
            await asyncio.sleep(0.1)
        return found[0]

    async def start(self, expected: str) -> None:
        """Switch on, and see that the firmware boots ``expected`` first; leave it running."""
        since = len(self.console())
        await self.do("power", "on")
        assert await self.shows(r"\[\w+", since=since) == f"[{expected}"

    async def restart(self, expected: str) -> None:
        """Take the power away and switch on again: the firmware boots ``expected``."""
        await self.do("power", "force-off", "--yes")
        await self.start(expected)

    async def settled(self) -> None:
        """Wait until the BMC has seen what the firmware made of its variables."""
        async with asyncio.timeout(30):
            while self.machine.boot.enabled == "Once":
                await asyncio.sleep(0.1)
