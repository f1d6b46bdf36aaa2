"""The part of ``provision validate`` that mends: its options, the question, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.options import confirm, talk

if TYPE_CHECKING:
    from hwprofiles import Profile
    from provision.flow.mending import Case
    from provision.flow.targets import Targets
    from provision.flow.validate import Unread, Verdict

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "--fix", is_flag=True, help="Change the BIOS settings that mend what failed; asks first."
    ),
    click.option("--dry-run", is_flag=True, help="With --fix: only show what would be sent."),
    click.option("--yes", is_flag=True, help="With --fix: do not ask."),
    click.option(
        "--allow-reboot",
        is_flag=True,
        help="With --fix: restart servers that run, so that it comes into force, and validate "
        "again.",
    ),
    click.option(
        "--force-off",
        is_flag=True,
        help="With --allow-reboot: cut the power of those that do not shut down.",
    ),
    click.option(
        "--with-staged",
        is_flag=True,
        help="With --allow-reboot: settings that somebody else has staged may come into force too.",
    ),
)


def fix_options(command: F) -> F:
    """Add the options that ``ways_from`` wants to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How far the mending may go."""

    dry_run: bool
    yes: bool
    allow_reboot: bool
    force_off: bool
    with_staged: bool


def ways_from(*, fix: bool, **chosen: Any) -> tuple[Ways | None, dict[str, Any]]:
    """Return how to mend (None: not at all), and the options that are not about it."""
    names = ("dry_run", "yes", "allow_reboot", "force_off", "with_staged")
    ways = Ways(**{name: chosen.pop(name) for name in names})
    if not fix and (ways.dry_run or ways.yes or ways.allow_reboot):
        raise click.UsageError("--dry-run, --yes and --allow-reboot go with --fix.")
    if (ways.force_off or ways.with_staged) and not ways.allow_reboot:
        raise click.UsageError("--force-off and --with-staged go with --allow-reboot.")
    return (ways if fix else None), chosen


def mended(
    targets: Targets, profile: Profile, ways: Ways
) -> tuple[list[Verdict | Unread], list[dict[str, Any]], list[str]]:
    """Validate; unless it is a dry run, change what mends it, once that is confirmed.

    Return the verdicts that count in the end, what JSON says of each, and words for a person.
    """
    from provision.flow.mending import Case

    if not (ways.dry_run or targets.accesses):
        raise click.UsageError("--fix needs a BMC to change something at; else give --dry-run.")
    cases = _treated(targets, profile, ways)
    verdicts = [case.last if isinstance(case, Case) else case for case in cases]
    planned = [case for case in cases if isinstance(case, Case) and case.plan]
    notes = [f"BIOS settings of {told_of(case)}" for case in planned]
    return verdicts, [case.as_dict() for case in cases], notes


def _treated(targets: Targets, profile: Profile, ways: Ways) -> Sequence[Case | Unread]:
    from provision.cli.shell import wait_for
    from provision.flow.mending import diagnose, to_mend, treat

    cases = wait_for(diagnose(targets, profile, talk))
    todo = [] if ways.dry_run else to_mend(cases)
    if not todo:
        return cases
    click.echo("\n\n".join(map(told_of, todo)), err=True)
    number = "1 server" if len(todo) == 1 else f"{len(todo)} servers"
    restart = " and restart those that run" if ways.allow_reboot else ""
    confirm(f"Change the BIOS settings of {number}{restart}?", yes=ways.yes)
    work = treat(
        targets,
        cases,
        profile,
        allow_reboot=ways.allow_reboot,
        force_off=ways.force_off,
        with_staged=ways.with_staged,
        observer=talk,
    )
    return wait_for(work)


def told_of(case: Case) -> str:
    """Return what would be changed, or what became of it, for a person."""
    from provision.core.secrets import redact

    lines = [f"{case.verdict.target}:"]
    if case.fixed:
        lines.append(f"  {case.fixed.as_text()}")
    elif case.plan:
        lines.append(case.plan.as_text())
    return redact("\n".join(lines), data=True)
