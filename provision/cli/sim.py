"""``provision sim``: a rack of simulated servers to try things on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provision.sim import ServerSpec
    from provision.sim.backends import Backend
    from provision.sim.faults import Fault

#: What makes an image that the machines of a back end boot.
_IMAGES = {"played": "sim image demo.img", "qemu": "image build xen -o demo.img"}


@click.group("sim", short_help="Run a simulated rack of BMCs.")
def command() -> None:
    """Run a simulated rack of BMCs."""


@command.command("up")
@click.option(
    "--servers",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="How many servers the rack holds.",
)
@click.option(
    "--port",
    metavar="BASE",
    type=click.IntRange(1, 65535),
    help="First port; the BMCs listen on this one and those after it. Without it, any free ones.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    help="Stretches every delay: at 1 a server boots in about 12 s, at 10 it is as slow as a real "
    "one.",
)
@click.option(
    "--virt-off",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="The first N servers have virtualization off in their BIOS.",
)
@click.option(
    "--low-memory",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="The last N servers have too little memory for any hypervisor.",
)
@click.option(
    "--personality",
    "personalities",
    metavar="NAME[:COUNT]",
    multiple=True,
    help="A server whose BMC behaves as a vendor's does; may be given several times. The rack then "
    "holds these alone.",
)
@click.option(
    "--backend",
    type=click.Choice(["played", "qemu"]),
    default="played",
    show_default=True,
    help="What stands behind the BMCs: machines played by this program, or virtual ones (QEMU, "
    "OVMF) that boot real images.",
)
@click.option("--list-personalities", "listed", is_flag=True, help="Say which there are, and stop.")
@click.option(
    "--tree",
    "trees",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A server whose BMC answers as the recorded tree in FILE (JSON: URI and body) does, and "
    "keeps what is written.",
)
@click.option(
    "--unlicensed", is_flag=True, help="The BMCs lack the licence their vendor sells for more."
)
@click.option(
    "--fault",
    "faults",
    metavar="[SERVER@]KIND[:METHOD[:PATH]][*TIMES][=DETAIL]",
    multiple=True,
    help="What goes wrong: drop:POST:Reset, busy*3=5, slow:*:/Bios*=2.5, absurd:GET:/Systems*=null "
    "(docs/simulator.md has them all). Once, unless * says otherwise; on every server without a "
    "name.",
)
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where sticks, serial logs and the rest are kept; without it, a temporary directory "
    "that goes when the rack does.",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def up(
    *,
    servers: int,
    port: int | None,
    listen: str,
    scale: float,
    virt_off: int,
    low_memory: int,
    personalities: tuple[str, ...],
    listed: bool,
    trees: tuple[Path, ...],
    unlicensed: bool,
    backend: str,
    faults: tuple[str, ...],
    directory: Path | None,
    output: str,
) -> None:
    """Start a rack, say how to reach it, and run until Ctrl-C (exit status 0).

    Each server is an HTTPS Redfish service with a state of its own, an internal stick (a file) and
    a serial log (a file). Sticks that are in DIR already stay as they are.
    """
    from provision.cli import shell
    from provision.sim import standard_mix

    if listed:
        _list_personalities()
        return
    _check_address(listen)
    if personalities or trees:
        specs = _special(personalities, trees, licensed=not unlicensed)
    else:
        specs = standard_mix(servers, virt_off=virt_off, low_memory=low_memory)
    if port and port + len(specs) > 65536:
        raise click.BadParameter(
            f"{len(specs)} servers do not fit above port {port}", param_hint="--port"
        )
    work = _serve(
        specs=specs,
        faults=_planned(faults, specs),
        port=port or 0,
        listen=listen,
        scale=scale,
        directory=directory,
        backend=backend,
        output=output,
    )
    shell.wait_for(work)


@command.command("image")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--iso", is_flag=True, help="Make one that boots as a virtual CD, too.")
def image(file: Path, iso: bool) -> None:
    """Write a small image to FILE that the simulated servers boot."""
    from provision.core.errors import ConfigError
    from provision.sim import demo_image

    try:
        demo_image.write(file, iso=iso)
    except OSError as error:
        raise ConfigError(
            f"writing the image {file}: {error.strerror}", hint="Choose another place for it."
        ) from error
    click.echo(f"{file}: boots on a simulated server, and nowhere else.", err=True)


def _list_personalities() -> None:
    from provision.sim import personalities

    click.echo(f"{personalities.STANDARD}  the Redfish standard to the letter")
    for name in personalities.names():
        click.echo(f"{name}  {personalities.load(name).title}")


def _special(
    wanted: tuple[str, ...], trees: tuple[Path, ...], *, licensed: bool
) -> list[ServerSpec]:
    """Return servers with the personalities that are asked for, then those of recorded trees."""
    from provision.sim import personalities, recorded

    for tree in trees:
        recorded.read(tree)
    known = [personalities.STANDARD, *personalities.names()]
    pairs = []
    for text in wanted:
        name, _, count = text.partition(":")
        if name not in known:
            raise click.BadParameter(
                f"no personality is called {name!r}; there are {', '.join(known)}",
                param_hint="--personality",
            )
        if count and not (count.isdigit() and 1 <= int(count) <= 1000):
            raise click.BadParameter(f"{count!r} is no number of servers", param_hint=text)
        pairs.append((name, int(count or 1)))
    return personalities.specs(pairs, trees, licensed=licensed)


def _planned(texts: tuple[str, ...], specs: list[ServerSpec]) -> dict[str, list[Fault]]:
    """Return the faults of each server by its name."""
    from provision.sim.faults import parse

    names = [spec.name for spec in specs]
    planned: dict[str, list[Fault]] = {name: [] for name in names}
    for text in texts:
        try:
            server, fault = parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--fault") from error
        if server and server not in planned:
            raise click.BadParameter(
                f"no server is called {server!r}; there are {names[0]} to {names[-1]}",
                param_hint="--fault",
            )
        for name in [server] if server else names:
            planned[name].append(fault)
    return planned


def _check_address(listen: str) -> None:
    try:
        address = ip_address(listen)
    except ValueError as error:
        raise click.BadParameter("an IP address is wanted", param_hint="--listen") from error
    if not address.is_loopback:
        click.echo(
            f"Listening on {listen}: everybody who reaches this machine reaches the rack, and a "
            "simulated BMC fetches whatever URL it is given.",
            err=True,
        )


async def _serve(
    *,
    specs: list[ServerSpec],
    faults: dict[str, list[Fault]],
    port: int,
    listen: str,
    scale: float,
    directory: Path | None,
    backend: str,
    output: str,
) -> None:
    import asyncio
    import signal

    from provision.cli import rack_text
    from provision.sim import inventory, running

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        rack = await stack.enter_async_context(
            running(
                specs,
                scale=scale,
                directory=directory,
                faults=faults,
                host=listen,
                port=port,
                backend=_machines(backend),
            )
        )
        for number in (signal.SIGINT, signal.SIGTERM):  # before, either gives the start up
            loop.add_signal_handler(number, stop.set)
        servers_file = inventory.write(rack)
        if output == "json":
            click.echo(rack_text.as_json(rack, servers_file))
        else:
            click.echo(rack_text.text(rack, servers_file, image=_IMAGES[backend]))
        click.echo("Running; Ctrl-C ends it.", err=True)
        await stop.wait()
        click.echo("The rack is going down.", err=True)


def _machines(backend: str) -> Backend:
    """Return where the machines come from."""
    if backend == "qemu":
        from provision.sim.qemu import Qemu

        return Qemu()
    from provision.sim.backends import Played

    return Played()
