"""``provision secureboot``: show or switch UEFI Secure Boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.cli.many import bmcs_from, dry_run_option, many_options, tell
from provision.cli.options import rows, talk
from provision.cli.verbs import verbs

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.bmc.secure_boot import SecureBoot, Switched

_DEADLINE = 300.0


@verbs(
    "secureboot",
    default="show",
    aliases={"on": "enable", "off": "disable"},
    short_help="Show or switch UEFI Secure Boot.",
)
def command() -> None:
    """Show or switch UEFI Secure Boot, on one or many BMCs.

    \b
    provision secureboot 10.0.0.7 show
    provision secureboot enable --servers servers.yaml --limit rack=r12

    A change takes effect at the next boot of the server; nothing is restarted here.
    """


@command.command("show")
@many_options
def show(output: str, **chosen: Any) -> int:
    """Show whether it is on, and whether the next boot will change that."""
    from provision.bmc import secure_boot
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> SecureBoot:
        return await secure_boot.state(bmc)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, _shown)


@command.command("enable")
@many_options
@dry_run_option
def enable(output: str, dry_run: bool, **chosen: Any) -> int:
    """Check what boots, from the next boot on."""
    return _switch(True, output, dry_run, chosen)


@command.command("disable")
@many_options
@dry_run_option
def disable(output: str, dry_run: bool, **chosen: Any) -> int:
    """Check no longer what boots, from the next boot on."""
    return _switch(False, output, dry_run, chosen)


def _switch(wanted: bool, output: str, dry_run: bool, chosen: dict[str, Any]) -> int:
    from provision.bmc import secure_boot
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> Switched:
        return await secure_boot.switch(bmc, wanted, dry_run=dry_run)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, lambda it: _told(it, wanted, dry_run))


def _word(value: bool | None) -> str:
    return {True: "enabled", False: "disabled"}.get(value, "unknown")  # type: ignore[arg-type]


def _shown(now: SecureBoot) -> str:
    pairs = [("last boot", _word(now.current)), ("next boot", _word(now.wanted))]
    return rows([*pairs, *([("mode", now.mode)] if now.mode else [])])


def _told(it: Switched, wanted: bool, dry_run: bool) -> str:
    if it.before.wanted is wanted:
        first = f"{_word(wanted)} already (nothing to do)"
        if it.before.pending:
            first = f"{_word(wanted)} already from the next boot on (nothing to do)"
    elif dry_run:
        first = f"{_word(it.before.wanted)}; would be {_word(wanted)} from the next boot on"
    else:
        first = f"{_word(it.before.wanted)} → {_word(wanted)}, from the next boot on"
    return "\n".join([first, *(f"note: {note}" for note in it.notes)])
