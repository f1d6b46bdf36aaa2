"""Validate, plan what firmware settings mend, do it when told so, and validate again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hwprofiles import Profile
from provision.core.errors import ConfigError, Conflict
from provision.core.events import Observer, ignore
from provision.core.text import clean
from provision.flow import fix
from provision.flow.fix import Ending, Fixed, FixPlan
from provision.flow.sources import Machine, with_facts
from provision.flow.targets import Targets, each
from provision.flow.validate import Unread, Verdict, judge

if TYPE_CHECKING:
    from provision.bmc.client import Access


#: Servers mended, and restarted, at the same time: a rack's fuses feel more than that.
_AT_ONCE: Final = 16


@dataclass(frozen=True, kw_only=True)
class Case:
    """One machine: the verdict, what would mend it, what was done, and the verdict after that.

    There is no plan where no BMC can be asked or nothing failed; ``after`` only where what was
    changed is in force.
    """

    verdict: Verdict
    #: How its BMC was reached; None for what was recorded.
    access: Access | None = None
    plan: FixPlan | None = None
    fixed: Fixed | None = None
    after: Verdict | None = None

    @property
    def last(self) -> Verdict:
        """The verdict that counts in the end."""
        if self.after is None and self.fixed is not None:
            return replace(self.verdict, staged=self.fixed.ending is Ending.STAGED)
        return self.after or self.verdict

    @property
    def can_be_mended(self) -> bool:
        """Whether there is something to send, or to bring into force, and a BMC to do it."""
        return self.access is not None and self.plan is not None and bool(self.plan.waiting)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict that counts, with the plan and what became of it."""
        told = self.last.as_dict()
        if self.plan:
            told["fix"] = self.plan.as_dict()
        if self.fixed:
            told["fixed"] = self.fixed.as_dict()
        return told


async def diagnose(
    targets: Targets, profile: Profile, observer: Observer = ignore
) -> list[Case | Unread]:
    """Validate every machine and plan its mending; read only."""

    async def work(machine: Machine) -> Case:
        verdict = await judge(machine.bmc, machine.facts, profile, machine.target)
        mendable = verdict.failed and machine.bmc
        plan = await fix.plan(mendable, verdict.findings) if mendable else None
        return Case(verdict=verdict, access=machine.access, plan=plan)

    return _cases(await each(targets, work, observer))


async def treat(  # noqa: PLR0913 - one argument for each option of the command
    targets: Targets,
    cases: Sequence[Case | Unread],
    profile: Profile,
    *,
    allow_reboot: bool = False,
    force_off: bool = False,
    with_staged: bool = False,
    observer: Observer = ignore,
) -> list[Case | Unread]:
    """Do what was planned for the live BMCs among ``cases``; return all, those mended anew.

    ``ConfigError``, before anything is done, where two of them lead to one server.
    """
    todo = {each.verdict.target: each for each in to_mend(cases)}
    live = {name: case.access for name, case in todo.items() if case.access}

    async def work(machine: Machine) -> Case:
        case = todo[machine.target]
        if machine.bmc is None or case.plan is None:
            raise ConfigError(f"mending {machine.target}: there is no BMC to ask")
        _insist_on_the_same(case.verdict, machine)
        fixed = await fix.fix(
            machine.bmc,
            case.plan,
            allow_reboot=allow_reboot,
            force_off=force_off,
            with_staged=with_staged,
            observer=observer,
        )
        if fixed.ending is not Ending.IN_FORCE:
            return replace(case, fixed=fixed)
        from provision.bmc import inventory

        fresh = replace(machine, facts=await inventory.read_facts(machine.bmc))
        facts = with_facts(fresh, targets.stated).facts
        after = await judge(machine.bmc, facts, profile, machine.target)
        return replace(case, fixed=fixed, after=after)

    if not live:
        return list(cases)
    again = Targets(accesses=live, stated=targets.stated)
    done = await each(again, work, observer, at_once=_AT_ONCE)
    by_name = {seen.target: case for seen, case in zip(done, _cases(done), strict=True)}
    # A recording may have the name of a live server: only the very cases that were mended are anew.
    return [
        by_name[case.verdict.target]
        if isinstance(case, Case) and todo.get(case.verdict.target) is case
        else case
        for case in cases
    ]


def to_mend(cases: Sequence[Case | Unread]) -> list[Case]:
    """Return the live ones among ``cases`` that can be mended.

    ``ConfigError`` where two of them lead to one server: it would be restarted twice.
    """
    found = [case for case in cases if isinstance(case, Case) and case.can_be_mended]
    seen: dict[tuple[str, object], Case] = {}
    for case in found:
        for name in ("system.uuid", "system.serial"):
            fact = case.verdict.facts.get(name)
            if fact is None:
                continue
            other = seen.setdefault((name, fact.value), case)
            if other is not case:
                raise ConfigError(
                    f"mending {other.verdict.target} and {case.verdict.target}: both are the "
                    f"same server ({name} {clean(fact.value, 80)}); nothing was changed",
                    hint="Name it once. If they are two that share a number, mend one at a time.",
                )
    return found


def _insist_on_the_same(verdict: Verdict, machine: Machine) -> None:
    """Raise ``Conflict`` if another server stands behind the address since it was validated."""
    for name in ("system.serial", "system.uuid", "system.model"):
        before, now = verdict.facts.get(name), machine.facts.get(name)
        if before and (now is None or now.value != before.value):
            raise Conflict(
                f"mending {machine.target}: it was {before.value} when this was planned, and is "
                f"{now.value if now else 'not told'}",
                hint="Another server answers there; validate it first.",
            )


def _cases(seen: Sequence[Any]) -> list[Case | Unread]:
    return [one.result or Unread(target=one.target, error=one.error) for one in seen]
