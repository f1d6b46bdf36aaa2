"""``provision demo``: the main job on a simulated rack, for a first look."""

from __future__ import annotations

import sys

import click


@click.command("demo", short_help="Provision a simulated rack of 16, from nothing to the summary.")
@click.option("--servers", type=click.IntRange(4, 200), default=16, show_default=True)
@click.option(
    "--scale",
    type=click.FloatRange(0, 10),
    default=0.5,
    show_default=True,
    help="Stretches every delay of the simulated servers.",
)
def command(servers: int, scale: float) -> int:
    """Provision a simulated rack of 16, from nothing to the summary.

    Flashes the servers' sticks, then takes every server from power off to its (simulated)
    hypervisor, over real HTTPS Redfish on this machine's loopback. Two servers have VT-x off and
    get it turned on; one has too little memory and must be turned down. Needs no root.
    """
    import asyncio

    return asyncio.run(_play(servers, scale))


async def _play(servers: int, scale: float) -> int:
    from provision.flow import demo
    from provision.report import live
    from provision.report.progress import FlashProgress

    async with demo.planted_rack(servers, scale) as rack:
        click.echo(f"A simulated rack: {servers} servers, each with an HTTPS BMC on 127.0.0.1,")
        click.echo(f"an empty stick and a serial console. It lives in {rack.directory}")
        image = demo.write_image(rack)
        click.echo(f"\n$ provision flash {image.name} {servers} sticks")
        sticks = [str(server.stick) for server in rack.servers]
        with FlashProgress(sticks) as progress:
            flashed = await demo.flash_sticks(rack, image, progress)
        click.echo(f"{len(flashed.outcomes)} sticks written and read back.")
        path, run = demo.new_run(rack)
        click.echo(f"\n$ provision run {path.name}")
        names = [server.name for server in rack.servers]
        with live.RunView(names, title=f"run {run.name}") as view:
            summary = await demo.provision(run, view, parallel=servers)
        live.summary(summary)
        surprises = demo.surprises(rack, summary, run)
        _explain([name for name in names if demo.changed_bios(run, name)], names[-1], surprises)
        return 4 if surprises else 0


def _explain(mended: list[str], poor: str, surprises: list[str]) -> None:
    click.echo("\nWhat was planted, and what became of it:")
    click.echo(f"  {', '.join(mended)}: VT-x was off in the BIOS; turned on, and seen to be on")
    click.echo(f"  {poor}: too little memory; turned down before its power was touched")
    for surprise in surprises:
        click.echo(f"  UNEXPECTED {surprise}", err=True)
    if not surprises:
        click.echo(f"All as it should be. Next: {sys.argv[0]} sim up, and try the commands.")
