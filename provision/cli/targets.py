"""The options that say which machines a command looks at."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.options import access_options, accesses_from

if TYPE_CHECKING:
    from hwprofiles.facts import Facts
    from provision.flow.targets import Targets

F = TypeVar("F", bound=Callable[..., object])

_DEADLINE = 600.0
_ARGUMENT = click.argument("bmcs", metavar="[BMC|FILE]...", nargs=-1)
_OPTIONS = (
    click.option(
        "--from",
        "recordings",
        metavar="FILE|DIR|-",
        multiple=True,
        help="A recorded machine, the same as FILE: dmidecode text or dump, /proc/cpuinfo, lscpu, "
        "a CPUID dump, acpidump, MSRs, a Redfish tree, our own JSON, a directory laid out like /; "
        "- is standard input. May be repeated.",
    ),
    click.option(
        "--merge",
        is_flag=True,
        help="All recordings are of one machine; the later ones count more.",
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
        help="The BMCs of a servers file (YAML or CSV), with the users and passwords it names.",
    ),
    click.option(
        "--limit",
        metavar="SELECTOR",
        multiple=True,
        help="With --servers: only these, such as rack=r12,u=1-16 or model~R7.* May be repeated.",
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
    limit: tuple[str, ...],
    **access: Any,
) -> Targets:
    """Return the machines that a command line names; a usage error where it names none."""
    from provision.cli.many import ask_secret
    from provision.flow import sources, verbs_each
    from provision.flow.targets import Targets

    files = tuple(word for word in bmcs if _is_file(word))
    bmcs = tuple(word for word in bmcs if word not in files)
    recordings = (*files, *recordings)
    if root and not local:
        raise click.UsageError("--root goes with --local.")
    if limit and servers is None:
        raise click.UsageError("--limit goes with --servers.")
    if merge and len(recordings) < 2:
        raise click.UsageError("--merge goes with two or more recordings.")
    if recordings.count(sources.STDIN) > 1:
        raise click.UsageError("Standard input can be read only once.")
    if not (bmcs or recordings or local or servers or stated):
        raise click.UsageError(
            "Give a BMC's address, the FILE of a recorded machine, or --local for this one."
        )
    accesses = accesses_from(bmcs, deadline=_DEADLINE, **access)
    if servers is not None:
        accesses |= verbs_each.of_file(
            servers,
            limit,
            lambda rows: ask_secret(rows, access["password_file"]),
            proxy_from_env=access["proxy_from_env"],
        )
    return Targets(
        accesses=accesses,
        recordings=recordings,
        merge=merge,
        root=(root or Path("/")) if local else None,
        stated=_stated(stated),
    )


def _is_file(word: str) -> bool:
    """Tell whether a word is a recording's path and no BMC's address: one that is there, is."""
    with contextlib.suppress(OSError):  # longer than a path may be
        if word and Path(word).exists():
            return True
    if "/" in word and "://" not in word and "/redfish/" not in word:
        raise click.BadParameter(f"{word}: no such file or directory", param_hint="BMC|FILE")
    return False


def _stated(pairs: tuple[str, ...]) -> Facts:
    from provision.core.errors import ConfigError
    from provision.flow.stated import stated

    try:
        return stated(pairs)
    except ConfigError as error:
        raise click.BadParameter(f"{error}. {error.hint}".strip(), param_hint="--fact") from error
