"""``provision power``: show or change the power state of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, tell, yes_option
from provision.cli.options import confirm, talk
from provision.cli.verbs import verbs, would_send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provision.bmc.client import Access, Bmc
    from provision.bmc.system import PowerChange

_GRACE = 120.0
_WAIT = click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=60,
    show_default=True,
    help="How long to look for the new state; 0 asks and does not look.",
)


@verbs(
    "power",
    default="status",
    aliases={"force-restart": "reset"},
    short_help="Show or change the power state of servers.",
)
def command() -> None:
    """Show or change the power state of servers.

    \b
    provision power 10.0.0.7 on
    provision power off --servers rack.yaml --limit rack=r12 --force-after 300

    The state is looked at first: what is so already is not asked for again. `off` and `restart` ask
    the operating system; `force-off`, `reset` and `cycle` do not. Each sends one request and waits
    to see the new state.
    """


@command.command("status")
@many_options
def status(output: str, **chosen: Any) -> int:
    """Show the power state."""
    from provision.bmc.system import PowerChange, power_state
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def look(bmc: Bmc, _access: Access) -> PowerChange:
        state = await power_state(bmc)
        return PowerChange(before=state, after=state)

    accesses = bmcs_from(deadline=_GRACE, **chosen)
    seen = wait_for(connected(accesses, look, talk))
    return tell(output, seen, lambda change: change.after)


def _verb(name: str, about: str, *extra: Callable[..., Any]) -> None:
    """Add a verb that changes the power state."""

    def run(
        output: str,
        wait: float,
        yes: bool,
        dry_run: bool,
        force_after: float | None = None,
        **chosen: Any,
    ) -> int:
        patience = wait + _GRACE + (force_after or 0)
        accesses = bmcs_from(deadline=patience, **chosen)
        return _change(name, accesses, output, wait, force_after, yes=yes, dry_run=dry_run)

    run.__doc__ = about
    decorated: Any = run
    for option in (*extra, yes_option, dry_run_option, _WAIT, many_options):
        decorated = option(decorated)
    command.command(name)(decorated)


_FORCE_AFTER = click.option(
    "--force-after",
    metavar="SECONDS",
    type=click.FloatRange(1, 3600),
    help="Cut the power where the operating system is not down after so long.",
)
_verb("on", "Switch servers on.")
_verb("off", "Ask the operating system to shut down.", _FORCE_AFTER)
_verb("force-off", "Cut the power.")
_verb("restart", "Ask the operating system to restart.")
_verb("reset", "Restart without asking the operating system.")
_verb("cycle", "Cut the power, and switch on again.")


def _change(
    wish: str,
    accesses: Mapping[str, Access],
    output: str,
    wait: float,
    force_after: float | None,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    from provision.bmc.system import set_power
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    if not dry_run:
        wait_for(_ask_first(wish, accesses, yes))

    async def work(bmc: Bmc, _access: Access) -> PowerChange:
        return await set_power(bmc, wish, wait, force_after=force_after, dry_run=dry_run)

    seen = wait_for(connected(accesses, work, talk))
    return tell(output, seen, lambda change: _told(change, wish))


async def _ask_first(wish: str, accesses: Mapping[str, Access], yes: bool) -> None:
    """Ask once before what runs on some of them is interrupted."""
    from provision.bmc.system import WISHES, describe, power_state
    from provision.flow.verbs_each import connected

    meaning = WISHES[wish]
    if yes or not (meaning.ends == "Off" or meaning.restarts):
        return

    async def running(bmc: Bmc, _access: Access) -> str:
        state = await power_state(bmc)
        return "" if state == "Off" else f"{await describe(bmc)} is {state}"

    on = [seen.result for seen in await connected(accesses, running) if seen.result]
    if on:
        who = on[0] if len(on) == 1 else f"{len(on)} servers are not off"
        confirm(f"{who}; {wish} interrupts what runs there. Go on?", yes=False)


def _told(change: PowerChange, wish: str) -> str:
    note = f" ({change.note})" if change.note else ""
    if change.requests and not change.sent:
        return would_send(change.requests) + note
    if not change.sent:
        return f"{change.after} (nothing to do){note}"
    if wish in ("restart", "reset"):
        seen = "seen" if change.observed else "this BMC shows no sign of it"
        return f"{change.after} (restart asked for: {seen}){note}"
    if not change.observed:
        return f"{change.before} → {change.after} (asked for; not waited for){note}"
    return f"{change.before} → {change.after} ({change.seconds:.1f} s){note}"
