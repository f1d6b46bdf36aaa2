"""The options that say which machines a command looks at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.options import access_options, accesses_from

if TYPE_CHECKING:
    from provision.flow.targets import Targets

F = TypeVar("F", bound=Callable[..., object])

_DEADLINE = 600.0
_ARGUMENT = click.argument("bmcs", metavar="[BMC]...", nargs=-1)
_OPTIONS = (
    click.option(
        "--from",
        "recordings",
        metavar="FILE|DIR|-",
        multiple=True,
        help="A recorded machine: dmidecode text or dump, /proc/cpuinfo, lscpu, a CPUID dump, "
        "acpidump, MSRs, a Redfish tree, our own JSON, a directory laid out like /. May be "
        "repeated.",
    ),
    click.option(
        "--merge", is_flag=True, help="All --from are of one machine; the later ones count more."
    ),
    click.option(
        "--fact",
        "stated",
        metavar="NAME=VALUE",
        multiple=True,
        help="What you know yourself, such as boot.device.size='32 GB'. May be repeated.",
    ),
    click.option("--local", is_flag=True, help="The machine this runs on; root sees more."),
    click.option(
        "--root",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="With --local: the machine whose files lie below DIR, laid out like /.",
    ),
    click.option(
        "--servers",
        metavar="SERVERS.yaml",
        type=click.Path(path_type=Path),
        help="The BMCs of a servers file, with the users and passwords it names.",
    ),
)


def target_options(command: F) -> F:
    """Add the options that ``targets_from`` wants to a command."""
    command = access_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return _ARGUMENT(command)


def targets_from(
    *,
    bmcs: tuple[str, ...],
    recordings: tuple[str, ...],
    merge: bool,
    stated: tuple[str, ...],
    local: bool,
    root: Path | None,
    servers: Path | None,
    **access: Any,
) -> Targets:
    """Return the machines that a command line names; a usage error where it names none."""
    from provision.flow import sources
    from provision.flow.targets import Targets

    if root and not local:
        raise click.UsageError("--root goes with --local.")
    if merge and len(recordings) < 2:
        raise click.UsageError("--merge goes with two or more --from.")
    if recordings.count(sources.STDIN) > 1:
        raise click.UsageError("Standard input can be read only once.")
    if not (bmcs or recordings or local or servers or stated):
        raise click.UsageError(
            "Give a BMC's address, --from FILE for a recorded machine, or --local for this one."
        )
    accesses = accesses_from(bmcs, deadline=_DEADLINE, **access)
    if servers is not None:
        accesses |= _of_file(servers, access["password_file"])
    return Targets(
        accesses=accesses,
        recordings=recordings,
        merge=merge,
        root=(root or Path("/")) if local else None,
        stated=sources.stated(stated),
    )


def _of_file(path: Path, password_file: str | None) -> dict[str, Any]:
    from provision.cli.run import find_secret
    from provision.core.servers import read_servers
    from provision.flow.install import access_to

    rows = read_servers(path)
    secret = find_secret(rows, password_file)
    return {row.name: access_to(row, secret) for row in rows}
