"""A rack of simulated BMCs: one process, one listener each, all of it in one directory."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from provision.core.errors import ConfigError, Conflict
from provision.core.secrets import Secret
from provision.sim import journal, standard
from provision.sim.access import Access
from provision.sim.backends import Backend, Played
from provision.sim.bmc import Bmc
from provision.sim.certificates import Authority, write_private
from provision.sim.faults import Fault, FaultPlan
from provision.sim.journal import Journal, Request
from provision.sim.machine import Machine, Reset, Timing
from provision.sim.service import server
from provision.sim.spec import ServerSpec, standard_mix, with_names

USER = "admin"


@dataclass(frozen=True, kw_only=True)
class SimServer:
    """One server of the rack: how to reach its BMC, and what can be seen of it from behind."""

    name: str
    url: str
    user: str
    password: Secret
    password_file: Path
    ca_file: Path
    serial_log: Path
    stick: Path
    spec: ServerSpec
    bmc: Bmc = field(repr=False)

    @property
    def requests(self) -> list[Request]:
        """What the BMC was asked so far."""
        return self.bmc.journal.requests

    @property
    def machine(self) -> Machine:
        """The machine behind the BMC."""
        return self.bmc.machine

    @property
    def faults(self) -> FaultPlan:
        """What the BMC is going to do wrong: ``server.faults.add(faults.drop("Reset"))``."""
        return self.bmc.faults

    def count(self, method: str, path: str) -> int:
        """Return how many requests used ``method`` on a path that has ``path`` in it."""
        return journal.count(self.requests, method, path)

    def console(self) -> str:
        """Return all that the serial console has shown."""
        return self.serial_log.read_text(encoding="utf-8", errors="replace")


def reachable(host: str) -> str:
    """Return the address a client on this machine uses for a listener on ``host``."""
    address = ip_address(host)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{address}]" if address.version == 6 else str(address)


@dataclass(frozen=True, kw_only=True)
class Rack:
    """A running rack."""

    directory: Path
    servers: Sequence[SimServer]
    password_file: Path
    ca_file: Path
    request_log: Path

    def server(self, name: str) -> SimServer:
        """Return the server called ``name``."""
        return next(server for server in self.servers if server.name == name)


@asynccontextmanager
async def running(  # noqa: PLR0913 - each has a default, and a rack is made in one place
    servers: int | Sequence[ServerSpec] = 16,
    *,
    scale: float = 1.0,
    directory: Path | None = None,
    faults: Mapping[str, Sequence[Fault]] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    backend: Backend | None = None,
) -> AsyncIterator[Rack]:
    """Run a rack until the block ends.

    ``servers`` is a number, or the servers themselves. ``scale`` stretches every delay. Without a
    ``directory`` a temporary one is used and removed. ``faults`` are planned by server name. With
    ``port`` the servers listen on that port and the ones after it, without on any free ones.
    The machines come from ``backend``, and are played without one.
    """
    backend = backend or Played()
    specs = with_names(standard_mix(servers) if isinstance(servers, int) else servers)
    specs = [backend.fit(spec) for spec in specs]
    async with AsyncExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="provision-")))
        builder = _Builder(directory, host, Timing().scaled(scale), backend)
        await backend.prepare(directory)
        listening = []
        for index, spec in enumerate(specs):
            planned = tuple((faults or {}).get(spec.name, ()))
            where = port + index if port else 0
            listening.append(await builder.start(stack, spec, planned, where))
        yield Rack(
            directory=directory,
            servers=tuple(listening),
            password_file=builder.password_file,
            ca_file=builder.ca_file,
            request_log=builder.request_log,
        )


class _Builder:
    """Lays out the directory and starts listeners."""

    def __init__(self, directory: Path, host: str, timing: Timing, backend: Backend) -> None:
        self.directory, self.host, self.timing = directory, host, timing
        self.backend = backend
        self.authority = Authority()
        self.ca_file = directory / "ca.pem"
        self.password = Secret(secrets.token_hex(10))  # never read as an option
        self.password_file = directory / "password"
        self.request_log = directory / "requests.jsonl"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self.authority.write(self.ca_file)
            write_private(self.password_file, self.password.reveal().encode() + b"\n")
            self.request_log.touch()
        except OSError as error:
            raise ConfigError(
                f"laying out the simulated rack in {directory}: {error.strerror}",
                hint="Choose another directory.",
            ) from error

    async def start(
        self, stack: AsyncExitStack, spec: ServerSpec, faults: tuple[Fault, ...], port: int
    ) -> SimServer:
        """Start one BMC; ``stack`` stops it."""
        bmc = self._bmc(spec, faults)
        stack.push_async_callback(bmc.machine.close)
        home = self.directory / spec.name
        context = self.authority.serve(spec.name, self.host, home / "bmc.pem")
        runner = web.ServerRunner(server(bmc), shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.host, port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            raise Conflict(
                f"listening on {self.host} port {port or 'any'} for the simulated BMC of "
                f"{spec.name}: {error.strerror}",
                hint="Choose other ports, or let the system choose them.",
            ) from error
        number = runner.addresses[0][1]
        if spec.powered_on:
            bmc.machine.reset(Reset.ON)
        return SimServer(
            name=spec.name,
            url=f"https://{reachable(self.host)}:{number}",
            user=USER,
            password=self.password,
            password_file=self.password_file,
            ca_file=self.ca_file,
            serial_log=bmc.machine.console.path,
            stick=bmc.machine.stick,
            spec=spec,
            bmc=bmc,
        )

    def _bmc(self, spec: ServerSpec, faults: tuple[Fault, ...]) -> Bmc:
        home = self.directory / spec.name
        home.mkdir(exist_ok=True)
        stick = home / "stick.img"
        if not stick.exists():  # one that was flashed already stays as it is
            with stick.open("wb") as file:
                file.truncate(spec.stick_bytes)
        machine = self.backend.machine(
            spec, timing=self.timing, serial_log=home / "serial.log", stick=stick
        )
        bmc = Bmc(
            machine=machine,
            access=Access(USER, self.password),
            journal=Journal(spec.name, self.request_log),
            faults=FaultPlan(faults),
        )
        standard.plant(bmc)
        return bmc
