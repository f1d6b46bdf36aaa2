"""``provision firmware``: what a machine's parts run, and how a new one is brought in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import (
    bmcs_from,
    dry_run_option,
    many_options,
    progress,
    table,
    tell,
    yes_option,
)
from provision.cli.options import confirm, talk
from provision.cli.verbs import before, verbs

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.bmc.firmware import Component
    from provision.bmc.firmware_plan import Planned, Wanted
    from provision.bmc.firmware_update import Updated

_DEADLINE = 600.0
_UPDATING = 4


@verbs("firmware", default="list", short_help="List or update the firmware of machines.")
def command() -> None:
    """List or update the firmware of machines, on one or many BMCs.

    \b
    provision firmware 10.0.0.7 list
    provision firmware 10.0.0.7 update --image http://10.0.0.1/bmc.bin
    provision firmware update --servers servers.yaml --file bios.bin --target BIOS
    """


@command.command("list")
@many_options
def listing(output: str, **chosen: Any) -> int:
    """List the firmware: its parts and their versions."""
    from provision.bmc import firmware
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> list[Component]:
        return await firmware.components(bmc)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, _listed)


@command.command("update")
@many_options
@click.option("--image", metavar="URL", help="Where the BMC itself fetches the image.")
@click.option(
    "--file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An image on this machine, sent to the BMC as it is read.",
)
@click.option(
    "--target", "targets", metavar="ID", multiple=True, help="The part it is for; repeatable."
)
@click.option(
    "--apply-time",
    metavar="WHEN",
    default="",
    help="Immediate, OnReset … where the BMC lets us choose.",
)
@click.option(
    "--expect",
    metavar="VERSION",
    default="",
    help="What the parts say afterwards; if every --target says so already, nothing is sent.",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(1, 86400),
    default=3600,
    show_default=True,
    help="How long the BMC may work on it.",
)
@yes_option
@dry_run_option
def update(
    *,
    output: str,
    image: str | None,
    file: Path | None,
    targets: tuple[str, ...],
    apply_time: str,
    expect: str,
    wait: float,
    yes: bool,
    dry_run: bool,
    **chosen: Any,
) -> int:
    """Bring in new firmware: by URL (--image) or from here (--file), sent once and followed.

    The versions before and after are compared. A BMC that updates itself restarts; it is waited
    for. At most 4 BMCs are updated at the same time.
    """
    from provision.bmc.firmware_plan import Wanted

    if (image is None) == (file is None):
        raise click.UsageError("Give either --image URL or --file FILE.")
    wanted = Wanted(
        url=image or "", file=file, targets=targets, apply_time=apply_time, version=expect
    )
    if dry_run:
        return _plan(output, wanted, chosen)
    where = ", ".join((*before(), *chosen["bmcs"])) or "every server that was chosen"
    confirm(f"This changes the firmware at {where}. Go on?", yes=yes)
    return _update(output, wanted, wait, chosen)


def _plan(output: str, wanted: Wanted, chosen: dict[str, Any]) -> int:
    from provision.bmc import firmware_plan
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> Planned:
        return await firmware_plan.plan(bmc, wanted)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, lambda plan: _planned(plan, wanted))


def _update(output: str, wanted: Wanted, wait: float, chosen: dict[str, Any]) -> int:
    from provision.bmc import firmware_update
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> Updated:
        return await firmware_update.update(bmc, wanted, wait=wait, observer=progress)

    accesses = bmcs_from(deadline=None, **chosen)
    seen = wait_for(connected(accesses, work, progress, at_once=_UPDATING))
    return tell(output, seen, _told)


def _listed(found: list[Component]) -> str:
    lines = [
        (each.id, each.version or "unknown", _can(each.updateable), each.name) for each in found
    ]
    head = ("id", "version", "update", "name")
    return table(lines, head) if lines else "no firmware is told of"


def _can(updateable: bool | None) -> str:
    return {True: "yes", False: "no"}.get(updateable, "?")  # type: ignore[arg-type]


def _planned(plan: Planned, wanted: Wanted) -> str:
    from provision.core.text import binary

    if not plan.path:
        return "\n".join([*plan.notes, "nothing would be sent"])
    if plan.how == "simple":
        first = f"the BMC would fetch {wanted.url} (POST {plan.path})"
    else:
        first = f"{binary(plan.size or 0)} would be sent (POST {plan.path})"
    targets = ", ".join(f"{each.id} {each.version}" for each in plan.targets)
    lines = [first, f"for: {targets or 'what the BMC finds in the image'}"]
    lines += [f"{name}: {value}" for name, value in plan.body.items() if name.startswith("@")]
    return "\n".join([*lines, *(f"note: {note}" for note in plan.notes)])


def _told(it: Updated) -> str:
    if not it.sent:
        return "\n".join([*it.notes, "nothing was sent"])
    lines = []
    if it.task:
        lines.append(f"task: {it.task.state} after {it.task.seconds:.0f} s")
        lines += [f"  {message}" for message in it.task.messages]
    lines += [f"{each.name}: {each.old or 'none'} → {each.new or 'unknown'}" for each in it.changes]
    return "\n".join([*lines, *(f"note: {note}" for note in it.notes)])
