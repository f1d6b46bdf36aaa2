"""Mending what a validation found wrong and a BIOS setting can mend.

First a plan: the one PATCH that would be sent, for which findings, and what stands in the way.
Then, when told so, exactly that is staged, and the server restarted only where that was allowed.
Nothing is believed before it is read back.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from hwprofiles import Finding, Outcome
from provision.bmc import bios, system
from provision.bmc.bios import BiosPlan
from provision.bmc.changes import Change, Obstacle
from provision.bmc.errors import Busy, NotApplied
from provision.core.errors import Conflict, Unreachable
from provision.core.events import Event, Observer, Phase, ignore
from provision.core.text import clean

if TYPE_CHECKING:
    from provision.bmc.service import Bmc

SCHEMA: Final = "bareiron.fix/1"
#: Seconds for a shutdown or a start to be seen, and for POST to bring settings into force.
POWER_WAIT: Final = 300.0
POST_WAIT: Final = 1800.0
_BETWEEN_LOOKS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What one failed rule asks for, in setting words, and the attribute each is here."""

    rule: str
    title: str
    wanted: Mapping[str, str]
    attributes: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the remedy as ``--output json`` prints it."""
        return {
            "rule": self.rule,
            "title": self.title,
            "wanted": dict(self.wanted),
            "attributes": dict(self.attributes),
        }


@dataclass(frozen=True, kw_only=True)
class FixPlan:
    """What would be done to one machine. ``by_hand`` are failed rules that no setting mends."""

    target: str
    platform: str
    remedies: tuple[Remedy, ...]
    bios: BiosPlan | None
    by_hand: tuple[tuple[str, str], ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what would be sent."""
        return self.bios.changes if self.bios else ()

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Return what comes into force at the next boot once this is staged."""
        return self.bios.waiting if self.bios else ()

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """Return what is wanted and cannot be set."""
        return self.bios.obstacles if self.bios else ()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that change something, exactly as they would be sent."""
        if not (self.bios and self.bios.changes):
            return []
        body = dict(self.bios.body)
        return [{"method": "PATCH", "uri": self.bios.uri, "body": body, "if_match": "on-demand"}]

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as ``--output json`` prints it."""
        plan = self.bios
        return {
            "schema": SCHEMA,
            "target": self.target,
            "platform": self.platform,
            "remedies": [each.as_dict() for each in self.remedies],
            "requests": self.requests,
            "changes": [each.as_dict() for each in self.changes],
            "staged": [each.as_dict() for each in plan.staged] if plan else [],
            "others": [each.as_dict() for each in plan.others] if plan else [],
            "follows": [each.as_dict() for each in plan.follows] if plan else [],
            "obstacles": [each.as_dict() for each in self.obstacles],
            "notes": list(plan.notes) if plan else [],
            "by_hand": [{"rule": rule, "fix": fix} for rule, fix in self.by_hand],
        }

    def as_text(self) -> str:
        """Return the plan for a person: old and new values, the request, and what is in the way."""
        return "\n".join(_lines(self))


def _lines(plan: FixPlan) -> Iterable[str]:
    for change in plan.changes:
        yield f"  {change.attribute}: {_shown(change.old)} → {_shown(change.new)}"
        asked = [each.rule for each in plan.remedies if change.attribute in _values(each)]
        if told := ", ".join(asked) or change.because:
            yield f"      for {told}" if asked else f"      needed: {told}"
    if plan.bios:
        yield from _rest(plan.bios)
    for request in plan.requests:
        yield f"  {request['method']} {clean(request['uri'])}"
        yield f"  {clean(json.dumps(request['body'], ensure_ascii=False), 4000)}"
        yield "  (with If-Match where the BMC asks for it: HTTP 428 or 412)"
    for rule, fix in plan.by_hand:
        yield f"  by hand, for {rule}: {clean(fix)}"
    if not (plan.waiting or plan.obstacles or plan.by_hand):
        yield "  nothing to change"


def _rest(plan: BiosPlan) -> Iterable[str]:
    for change in plan.staged:
        yield f"  {change.attribute}: {_shown(change.old)} → {_shown(change.new)}, staged already"
    if plan.staged:
        body = {"Attributes": {each.attribute: each.new for each in plan.staged}}
        yield f"  not sent again: PATCH {clean(plan.uri)}"
        yield f"  {clean(json.dumps(body, ensure_ascii=False), 4000)}"
    for change in plan.others:
        told = f"{change.attribute}: {_shown(change.old)} → {_shown(change.new)}"
        yield f"  staged by somebody else, in force with the next boot too: {told}"
    for change in plan.follows:
        yield f"  {change.attribute} becomes {_shown(change.new)} by itself: {change.because}"
    for obstacle in plan.obstacles:
        yield f"  {obstacle.attribute} cannot be set to {_shown(obstacle.new)}: {obstacle.why}"
        yield f"      {obstacle.hint}"
    yield from (f"  note: {clean(note)}" for note in plan.notes)


def _shown(value: object) -> str:
    return "nothing" if value is None else clean(value, 80)


def _values(remedy: Remedy) -> set[str]:
    return set(remedy.attributes.values())


class Ending(StrEnum):
    """How a fix ended."""

    NOTHING = "nothing-to-do"
    STAGED = "staged"  # it comes into force at the next boot, whenever that is
    IN_FORCE = "in-force"


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What was done. ``power`` is the power state at the end."""

    ending: Ending
    changes: tuple[Change, ...]
    power: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` and records print it."""
        return {
            "ending": str(self.ending),
            "changes": [each.as_dict() for each in self.changes],
            "power": self.power,
        }

    def as_text(self) -> str:
        """Return it for a person."""
        names = ", ".join(each.attribute for each in self.changes)
        if self.ending is Ending.NOTHING:
            return "nothing to change"
        if self.ending is Ending.IN_FORCE:
            return f"in force: {names}"
        when = "at the next power-on" if self.power == "Off" else "at the next restart"
        return f"staged, in force {when}: {names}"


async def plan(bmc: Bmc, findings: Iterable[Finding]) -> FixPlan:
    """Plan the mending of what failed; reads alone.

    A rule that only warns is a matter of its own: its setting is not needed, and not touched.
    """
    failed = [each for each in findings if each.outcome is Outcome.FAIL]
    wanted: dict[str, str] = {}
    for finding in failed:
        wanted |= finding.fix_redfish
    found = await bios.plan(bmc, wanted) if wanted else None
    known = found.attributes if found else {}
    return FixPlan(
        target=bmc.name,
        platform=bmc.platform.id,
        remedies=tuple(
            Remedy(
                rule=each.rule,
                title=each.title,
                wanted=dict(each.fix_redfish),
                attributes={word: known[word] for word in each.fix_redfish if word in known},
            )
            for each in failed
            if each.fix_redfish
        ),
        bios=found,
        by_hand=tuple((each.rule, each.fix) for each in failed if not each.fix_redfish),
    )


async def stage(bmc: Bmc, plan: FixPlan) -> tuple[Change, ...]:
    """Stage exactly the plan; return what was sent. ``Conflict`` if the settings changed since."""
    if not (plan.bios and plan.changes):
        return ()
    here = await bios.to_come(bmc)
    for change in plan.changes:
        now = here.get(change.attribute)
        if now not in (change.old, change.new):
            raise Conflict(
                f"staging BIOS settings at {bmc.name}: {change.attribute} was "
                f"{_shown(change.old)} when this was planned, and is {_shown(now)}",
                hint="Somebody else changes settings there; plan again.",
            )
    await bios.send(bmc, plan.bios)
    return plan.changes


async def fix(  # noqa: PLR0913 - one argument for each option of the command
    bmc: Bmc,
    plan: FixPlan,
    *,
    allow_reboot: bool = False,
    force_off: bool = False,
    with_staged: bool = False,
    wait: float = POST_WAIT,
    observer: Observer = ignore,
) -> Fixed:
    """Stage the plan; where that is allowed, restart the server and wait until it is in force.

    A server that is off is left off. One that runs is shut down by its operating system, and only
    with ``force_off`` otherwise. What somebody else has staged there comes into force with the same
    restart: ``Conflict`` before anything is done, unless ``with_staged``. ``wait`` is in seconds,
    from the power-on.
    """
    power = await system.power_state(bmc)
    restarts = allow_reboot and power != "Off" and bool(plan.waiting)
    if restarts and not with_staged and plan.bios and plan.bios.others:
        raise _others_wait(bmc, plan.bios.others, "Nothing was changed.")
    await stage(bmc, plan)
    if not plan.waiting:
        return Fixed(ending=Ending.NOTHING, changes=(), power=power)
    if not restarts:
        return Fixed(ending=Ending.STAGED, changes=plan.waiting, power=power)

    def tell(doing: str) -> None:
        observer(Event(subject=bmc.name, step="fix", phase=Phase.NOTE, message=doing))

    await _look_for_others(bmc, plan)
    tell(f"powering off, for up to {POWER_WAIT:g} s")
    try:
        await system.set_power(bmc, "force-off" if force_off else "off", POWER_WAIT)
    except NotApplied as error:
        told = "The settings are staged, and come into force when it restarts."
        forced = "" if force_off else " If nothing in it would miss it, give --force-off."
        raise NotApplied(str(error), hint=f"{told}{forced}") from error
    tell("starting")
    started = await system.set_power(bmc, "on", POWER_WAIT)
    tell(f"waiting for POST to bring the settings into force, for up to {wait:g} s")
    await in_force(bmc, plan, wait)
    return Fixed(ending=Ending.IN_FORCE, changes=plan.waiting, power=started.after)


async def _look_for_others(bmc: Bmc, plan: FixPlan) -> None:
    """Raise ``Conflict`` where something waits for the restart that the plan did not name."""
    named = {change.attribute for change in plan.waiting}
    named |= {change.attribute for change in (plan.bios.others if plan.bios else ())}
    new = [change for change in await bios.pending(bmc) if change.attribute not in named]
    if new:
        raise _others_wait(bmc, new, "The plan's settings are staged; nothing was restarted.")


def _others_wait(bmc: Bmc, others: Iterable[Change], done: str) -> Conflict:
    told = ", ".join(f"{each.attribute} → {_shown(each.new)}" for each in others)
    return Conflict(
        f"restarting the server of {bmc.name}: settings of somebody else would come into force "
        f"with ours: {told}",
        hint=f"{done} Ask whose they are; with --with-staged they come into force too.",
    )


async def in_force(bmc: Bmc, plan: FixPlan, wait: float = POST_WAIT) -> None:
    """Wait until nothing of the plan is pending; ``NotApplied`` names what is after ``wait`` s."""
    if plan.bios is None:
        return
    began, pause = time.monotonic(), min(0.2, _BETWEEN_LOOKS)
    while True:
        try:
            left = await bios.waiting(bmc, plan.bios)
        except (Busy, Unreachable):  # a BMC has much to do while its server starts
            left = list(plan.waiting)
        if not left:
            return
        if time.monotonic() - began > wait:
            break
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _BETWEEN_LOOKS)
    names = ", ".join(each.attribute for each in left)
    said = await bios.said(bmc)
    raise NotApplied(
        f"waiting for BIOS settings at {bmc.name}: {names} not in force {wait:.0f} s after the "
        f"start{f'; the BMC says: {said}' if said else ''}",
        hint="Look at the server's console: it may still be in POST, or have refused the change.",
    )
