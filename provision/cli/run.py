"""``provision run``: from a file of servers to running hypervisors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.options import output_option

if TYPE_CHECKING:
    from provision.core.secrets import Secret
    from provision.core.servers import Server
    from provision.flow.records import RunDirectory


F = TypeVar("F", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "--parallel",
        type=click.IntRange(1, 500),
        default=16,
        show_default=True,
        help="How many servers at a time.",
    ),
    click.option(
        "--password-file",
        metavar="FILE|-",
        help="Password for the servers whose row names none.",
    ),
    output_option,
)


def run_options(command: F) -> F:
    """Add what beginning a run and taking one up have in common."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("run", short_help="Provision the servers of a file, up to the running hypervisor.")
@click.argument("file", type=click.Path(path_type=Path), metavar="SERVERS.yaml")
@run_options
@click.option("--yes", is_flag=True, help="Do not ask before running servers are stopped.")
def command(file: Path, parallel: int, password_file: str | None, output: str, yes: bool) -> int:
    """Provision the servers of a file, up to the running hypervisor.

    Each server is identified, validated against its profile, given the BIOS settings it lacks,
    set to boot from its stick or virtual media, started, and watched until there is evidence that
    the hypervisor is up. A run that is interrupted is taken up by `provision resume`.
    """
    from provision.core.servers import read_servers
    from provision.flow import install
    from provision.flow.records import RunDirectory

    servers = read_servers(file)
    secret = find_secret(servers, password_file)
    install.check(servers, secret)
    _ask(servers, yes)
    with install.reserved(servers):
        return carry_out(RunDirectory.create(servers, file), secret, parallel, output)


def _ask(servers: list[Server], yes: bool) -> None:
    import sys

    from provision.core.errors import NotConfirmed

    stopped = [server.name for server in servers if server.if_on != "refuse"]
    if yes or not stopped:
        return
    doing = f"provisioning {len(servers)} servers, of which {len(stopped)} are stopped if they run"
    if not sys.stdin.isatty():
        raise NotConfirmed(f"{doing}: not confirmed")
    click.echo(f"{doing}: {', '.join(stopped[:8])}{' …' if len(stopped) > 8 else ''}", err=True)
    if click.prompt(f"Type {len(servers)} to go on", err=True) != str(len(servers)):
        raise NotConfirmed(f"{doing}: not confirmed")


def find_secret(servers: list[Server], password_file: str | None) -> Secret | None:
    """Return the password for the servers that name none; None where none is needed."""
    import sys

    from provision.core.errors import CredentialsError
    from provision.core.secrets import read_secret

    if all(server.password for server in servers):
        return None
    if password_file is None and not sys.stdin.isatty():
        raise CredentialsError(
            "starting the run: some servers name no password, and there is nobody to ask",
            hint="Add `password: file:PATH` to the file, or give --password-file.",
        )
    return read_secret(password_file or "prompt:", prompt="BMC password: ")


def carry_out(run: RunDirectory, secret: Secret | None, parallel: int, output: str) -> int:
    """Begin or take up ``run``, show it, and return its exit status."""
    import asyncio
    import json

    from provision.flow import install
    from provision.report import live

    names = [server.name for server in run.servers()]
    try:
        with live.RunView(names, title=f"run {run.name}") as view:
            summary: dict[str, Any] = asyncio.run(
                install.provision(run, secret, view, parallel=parallel)
            )
    except KeyboardInterrupt:
        click.echo(
            f"The servers stay as they are. Go on with: provision resume {run.name}", err=True
        )
        raise
    if output == "json":
        click.echo(json.dumps(summary, indent=2))
    else:
        live.summary(summary)
    return int(summary["exit_status"])
