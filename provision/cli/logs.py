"""``provision logs``: what BMCs have noted, newest first; or an empty log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, table, tell, yes_option
from provision.cli.options import confirm, talk

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.bmc.logs import Cleared, Read

_DEADLINE = 900.0
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SEVERITIES = {"ok": "OK", "warning": "Warning", "critical": "Critical"}


class _Since(click.ParamType[datetime]):
    """A time, or how long ago."""

    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment meant; without a zone it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            if ago := re.fullmatch(r"(\d{1,6})([mhdw])", value.strip()):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.fail("a time is wanted, such as 2026-11-24T08:00 or 90m, 12h, 3d, 2w")


@click.command("logs", short_help="Show or clear the logs of BMCs.")
@many_options
@click.option("--log", "names", metavar="NAME", multiple=True, help="Only this log; repeatable.")
@click.option("--since", metavar="TIME", type=_Since(), help="Not what is older: 12h, 3d, a date.")
@click.option(
    "--severity",
    type=click.Choice(["ok", "warning", "critical"]),
    help="Only this severity and worse.",
)
@click.option(
    "--lines",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="Show so many entries of each BMC at most.",
)
@click.option("--clear", is_flag=True, help="Empty the logs for good; asks, or wants --yes.")
@yes_option
@dry_run_option
def command(
    *,
    output: str,
    names: tuple[str, ...],
    since: datetime | None,
    severity: str | None,
    lines: int,
    clear: bool,
    yes: bool,
    dry_run: bool,
    **chosen: Any,
) -> int:
    """Show what BMCs have noted, newest first: logs of the system, the BMC and the chassis.

    \b
    provision logs 10.0.0.7 --since 3d --severity warning
    provision logs 10.0.0.7 --log SEL --clear --yes
    """
    from provision.bmc import logs

    if clear:
        if since or severity:
            raise click.UsageError("--clear empties whole logs: no --since and no --severity.")
        return _clear(output, names, yes, dry_run, chosen)
    wanted = logs.Wanted(
        logs=names, since=since, severity=_SEVERITIES.get(severity or "", ""), limit=lines
    )

    async def work(bmc: Bmc, _access: Access) -> Read:
        return await logs.read(bmc, wanted)

    return _each(output, chosen, work, _read)


def _clear(
    output: str, names: tuple[str, ...], yes: bool, dry_run: bool, chosen: dict[str, Any]
) -> int:
    from provision.bmc import logs

    which = f"the logs {', '.join(names)}" if names else "all logs"
    where = ", ".join(chosen["bmcs"]) or "every server that was chosen"
    if not dry_run:
        confirm(f"This empties {which} at {where} for good. Go on?", yes=yes)

    async def work(bmc: Bmc, _access: Access) -> list[Cleared]:
        return await logs.clear(bmc, names, dry_run=dry_run)

    return _each(output, chosen, work, lambda found: _cleared(found, dry_run))


def _each(output: str, chosen: dict[str, Any], work: Any, text: Any) -> int:
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    return tell(
        output, wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk)), text
    )


def _read(found: Read) -> str:
    several = len(found.logs) > 1
    lines = [
        (
            each.at.strftime("%Y-%m-%d %H:%M:%S") if each.at else "no time",
            each.severity or "?",
            f"{each.log}: {each.message}" if several else each.message,
        )
        for each in found.entries
    ]
    text = table(lines, ("time (UTC)", "severity", "message")) if lines else "no entries"
    return "\n".join([text, *(f"note: {note}" for note in found.notes)])


def _cleared(found: list[Cleared], dry_run: bool) -> str:
    told = []
    for each in found:
        if each.sent:
            told.append(f"{each.log}: cleared ({each.before} entries → {each.after})")
        elif dry_run and each.before:
            told.append(f"{each.log}: {each.before} entries would be cleared")
        else:
            told.append(f"{each.log}: empty already (nothing to do)")
    return "\n".join(told)
