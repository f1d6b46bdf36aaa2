"""``provision identify``: the light by which a server is found in its rack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.cli.many import bmcs_from, dry_run_option, many_options, tell
from provision.cli.options import talk
from provision.cli.verbs import verbs

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.bmc.indicator import Shone

_DEADLINE = 300.0
_LIT = "lit (some BMCs mean a call by it, some that all is well)"


@verbs("identify", default="status", short_help="Switch the light that shows where a server is.")
def command() -> None:
    """Switch the light by which a server is found in its rack, on one or many BMCs.

    \b
    provision identify 10.0.0.7 on
    provision identify off --servers servers.yaml
    """


@command.command("on")
@many_options
@dry_run_option
def on(output: str, dry_run: bool, **chosen: Any) -> int:
    """Switch it on."""
    return _switch(True, output, dry_run, chosen)


@command.command("off")
@many_options
@dry_run_option
def off(output: str, dry_run: bool, **chosen: Any) -> int:
    """Switch it off."""
    return _switch(False, output, dry_run, chosen)


@command.command("status")
@many_options
def status(output: str, **chosen: Any) -> int:
    """Show whether it is on."""
    return _switch(None, output, False, chosen)


def _switch(wanted: bool | None, output: str, dry_run: bool, chosen: dict[str, Any]) -> int:
    from provision.bmc import indicator
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> Shone:
        if wanted is not None:
            return await indicator.shine(bmc, wanted, dry_run=dry_run)
        now = await indicator.light(bmc)
        return indicator.Shone(before=now.state, after=now.state, sent=False, path=now.path)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, lambda it: _told(it, wanted, dry_run))


def _told(it: Shone, wanted: bool | None, dry_run: bool) -> str:
    now = _LIT if it.after == "lit" else it.after
    if wanted is None:
        return now
    if it.sent:
        return f"{it.before} → {it.after}"
    if it.after == ("on" if wanted else "off") or not dry_run:
        return f"{now} (nothing to do)"
    return f"{it.before}; would be switched {'on' if wanted else 'off'}"
