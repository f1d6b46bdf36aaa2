"""``provision baseline``: keep what machines are made of, and tell later what has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import output_option, show, talk
from provision.cli.targets import target_options, targets_from
from provision.core.errors import Exit, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.core.errors import ProvisionError
    from provision.flow.fleet import Machine

_FILE = click.Path(path_type=Path, dir_okay=False)


def look(chosen: Mapping[str, Any]) -> tuple[list[Machine], dict[str, ProvisionError]]:
    """Read the machines a command line names; return them, and by name those that would not."""
    from provision.cli.shell import wait_for
    from provision.flow.fleet import Machine
    from provision.flow.targets import each

    targets = targets_from(**chosen)

    async def made(machine: Any) -> Machine:
        return Machine(name=machine.target, facts=machine.facts)

    seen = wait_for(each(targets, made, talk))
    read = [each.result for each in seen if each.result is not None]
    return read, {each.target: each.error for each in seen if each.error is not None}


def ending(errors: Mapping[str, ProvisionError], number: int, *, told: bool) -> int:
    """Tell what could not be read; return the exit status, 20 where there was something to tell."""
    from provision.cli.shell import judged

    fine: list[ProvisionError | None] = [None] * number
    status = judged([*errors.values(), *fine])
    return worst([status, int(Exit.CHANGES) if told else int(Exit.OK)])


@click.group("baseline", short_help="Keep what machines are made of; tell what has changed.")
def command() -> None:
    """Keep what machines are made of; tell later, slot by slot, what has changed."""


@command.command("save")
@click.option("-o", "file", metavar="FILE", type=_FILE, required=True, help="Where to keep it.")
@target_options
def save(file: Path, **chosen: Any) -> int:
    """Keep what machines are made of in FILE.

    \b
    provision baseline save -o rack12.json --servers rack12.yaml
    provision baseline save -o rack12.json dumps/*.txt

    Each is kept under its serial number, else its UUID, else its name. An older baseline is
    replaced. Machines that cannot be read are told and left out; of none, no file is written.
    """
    from provision.flow import fleet_baseline

    machines, errors = look(chosen)
    if machines:
        known = fleet_baseline.save(file, machines)
        number = "1 machine" if len(known) == 1 else f"{len(known)} machines"
        click.echo(f"{number} kept in {file}")
    return ending(errors, len(machines), told=False)


@command.command("diff")
@click.argument("file", metavar="FILE", type=_FILE)
@target_options
@click.option("--strict", is_flag=True, help="What is told no longer counts too: exit status 14.")
@output_option
def diff(file: Path, strict: bool, output: str, **chosen: Any) -> int:
    """Tell what of machines has changed since the baseline in FILE.

    \b
    provision baseline diff rack12.json --servers rack12.yaml
    provision baseline diff rack12.json dumps/*.txt --output json

    Parts are compared slot by slot: added, removed, changed, replaced, moved. What one of the two
    does not tell is no change; it is shown. The exit status is 0 when nothing has changed, 20 when
    something has, or a machine is gone or new.
    """
    from provision.flow import fleet_baseline, fleet_text

    before = fleet_baseline.load(file)
    machines, errors = look(chosen)
    drift = fleet_baseline.drift(before, machines, errors.keys())
    if machines or output == "json":
        show(output, drift.as_dict(), fleet_text.drift(drift).rstrip("\n"))
    status = ending(errors, len(machines), told=bool(drift))
    return worst([status, int(Exit.UNKNOWN) if strict and drift.untold else int(Exit.OK)])
