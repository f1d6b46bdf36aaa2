"""``provision power``: show or change a server's power state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import (
    access_from,
    access_options,
    confirm,
    on_bmc,
    output_option,
    show,
)

if TYPE_CHECKING:
    from provision.bmc.client import Bmc
    from provision.bmc.system import PowerChange

_ACTIONS = ("status", "on", "off", "force-off", "restart", "force-restart")
_GRACE = 120.0


@click.command("power", short_help="Show or change a server's power state.")
@click.argument("bmc", metavar="BMC")
@click.argument("action", type=click.Choice(_ACTIONS), default="status")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=60,
    show_default=True,
    help="How long to look for the new state; 0 asks and does not look.",
)
@click.option("--yes", is_flag=True, help="Do not ask before what runs there is interrupted.")
@access_options
@output_option
def command(bmc: str, action: str, wait: float, yes: bool, output: str, **access: Any) -> None:
    """Show or change a server's power state.

    The state is looked at first: what is so already is not asked for again. `off` and `restart` ask
    the operating system, the force- forms do not. Each sends one request and waits to see the new
    state.
    """
    where = access_from(bmc, deadline=wait + _GRACE, **access)
    if action == "status":
        from provision.bmc.system import power_state

        state = on_bmc(where, power_state)
        show(output, {"state": state}, state)
        return
    change = on_bmc(where, lambda there: _change(there, action, wait, yes))
    show(output, change.as_dict(), _told(change, action))


async def _change(bmc: Bmc, action: str, wait: float, yes: bool) -> PowerChange:
    from provision.bmc.system import WISHES, describe, power_state, set_power

    interrupts = WISHES[action].ends == "Off" or WISHES[action].restarts
    if interrupts and (state := await power_state(bmc)) != "Off":
        confirm(
            f"{await describe(bmc)} is {state}; {action} interrupts what it runs. Go on?", yes=yes
        )
    return await set_power(bmc, action, wait)


def _told(change: PowerChange, action: str) -> str:
    if not change.sent:
        return f"{change.after} (nothing to do)"
    if action.endswith("restart"):
        seen = "seen" if change.observed else "this BMC shows no sign of it"
        return f"{change.after} (restart asked for: {seen})"
    if not change.observed:
        return f"{change.before} → {change.after} (asked for; not waited for)"
    return f"{change.before} → {change.after} ({change.seconds:.1f} s)"
