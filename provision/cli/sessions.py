"""``provision sessions``: who is logged in to a BMC, and an end to what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, table, tell
from provision.cli.options import talk
from provision.cli.verbs import verbs

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.bmc.sessions import Closed, Session

_DEADLINE = 300.0


@verbs("sessions", default="list", short_help="List or close the sessions of BMCs.")
def command() -> None:
    """List the sessions open on BMCs, or close them.

    \b
    provision sessions 10.0.0.7 list
    provision sessions 10.0.0.7 close --mine
    provision sessions 10.0.0.7 close --id 274 --yes

    A BMC holds few sessions (often 8). Programs that were killed leave theirs behind until the
    BMC's own timeout.
    """


@command.command("list")
@many_options
def listing(output: str, **chosen: Any) -> int:
    """List the sessions; the one of this command itself is marked."""
    from provision.bmc import sessions
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, access: Access) -> list[Session]:
        return await sessions.sessions(bmc, access.user)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, _listed)


@command.command("close")
@many_options
@click.option("--id", "ids", metavar="ID", multiple=True, help="This session. May be repeated.")
@click.option(
    "--mine", is_flag=True, help="All of the user of this login, also of a run under way elsewhere."
)
@click.option("--yes", is_flag=True, help="Close sessions of other users, too.")
@dry_run_option
def close(
    *, output: str, ids: tuple[str, ...], mine: bool, yes: bool, dry_run: bool, **chosen: Any
) -> int:
    """Close sessions: those named, or those of our user (--mine), never this command's own.

    Those of other users are refused without --yes: somebody may be at work there.
    """
    from provision.bmc import sessions
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    if not (ids or mine):
        raise click.UsageError("Say which: --id ID (see `sessions list`), or --mine.")
    which = sessions.Which(ids=ids, mine=mine, others=yes)

    async def work(bmc: Bmc, access: Access) -> Closed:
        return await sessions.close(bmc, access.user, which, dry_run=dry_run)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, _closed)


def _listed(found: list[Session]) -> str:
    lines = [
        (each.id, each.user or "?", each.kind, each.client, each.created + _mark(each))
        for each in found
    ]
    return table(lines, ("id", "user", "type", "client", "since")) if lines else "no sessions"


def _mark(session: Session) -> str:
    return " (this command)" if session.this else ""


def _closed(it: Closed) -> str:
    word = "would be closed" if it.dry_run else "closed"
    lines = [f"{each.id} of {each.user or 'an unknown user'}: {word}" for each in it.closed]
    lines += [f"{name}: not there (nothing to do)" for name in it.missing]
    return "\n".join(lines) or "nothing to close"
