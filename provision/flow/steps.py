"""The steps that bring one server to a running hypervisor.

Each looks, acts only on a difference, and looks again: a step repeated after a crash finds its work
done and does nothing. A step raises ``ProvisionError`` when it cannot; what it returns is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import hwprofiles
from hwprofiles import Finding, Outcome
from hwprofiles.facts import Facts
from provision.bmc import bios, boot, inventory, system, virtual_media
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied
from provision.core.errors import (
    ConfigError,
    OutcomeUnknown,
    PowerRefused,
    ValidationFailed,
)
from provision.core.events import Event, Observer, Result
from provision.core.servers import Server
from provision.flow import evidence
from provision.flow.engine import Json
from provision.flow.validate import judge, load_profile

_POWER_WAIT = 120.0  # seconds a BMC may take until the power state it was asked for is seen
_CONFIRM_WAIT = 60.0


@dataclass(kw_only=True)
class Job:
    """One server on its way: what is wanted, how to reach it, and what earlier steps found."""

    server: Server
    access: Access
    observer: Observer
    #: Writes down that an act is about to be done; False when that was written before.
    mark: Callable[[str], bool]
    #: Raises when another server of this run turned out to be this very machine.
    only_one: Callable[[str], None]
    found: dict[str, Json] = field(default_factory=dict)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _bmc: Bmc | None = None
    _facts: Facts | None = None

    async def bmc(self) -> Bmc:
        """Return the connection to the server's BMC, opened at its first use."""
        if self._bmc is None:
            self._bmc = await self._open.enter_async_context(
                connect(self.access, observer=self._tell)
            )
        return self._bmc

    def _tell(self, event: Event) -> None:
        """Pass on what the connection tells (a certificate pinned), as this server's."""
        self.observer(replace(event, subject=self.server.name))

    async def facts(self) -> Facts:
        """Return what the BMC says of the hardware, read once; ``confirm`` reads anew."""
        if self._facts is None:
            self._facts = await inventory.read_facts(await self.bmc())
        return self._facts

    async def close(self) -> None:
        """Log out; a later step would log in again."""
        self._bmc = None
        await self._open.aclose()


def done(message: str, data: Json | None = None, *, result: Result = Result.OK) -> Json:
    """Return what a step stores: how it ended, in words, and what later steps need."""
    return {"result": str(result), "message": message, "data": data or {}}


def nothing_to_do(message: str, data: Json | None = None) -> Json:
    """Return the ending of a step that looked and found its work done."""
    return done(message, data, result=Result.SKIPPED)


async def identify(job: Job) -> Json:
    """Log in; see that this is the server the file means."""
    bmc = await job.bmc()
    facts = await job.facts()
    known = {
        name.removeprefix("system."): facts[name].value
        for name in ("system.vendor", "system.model", "system.serial", "system.uuid")
        if name in facts
    }
    wanted, serial = job.server.serial, known.get("serial")
    if wanted is not None and serial != wanted:
        raise ConfigError(
            f"identifying {job.server.name}: the server says its serial is {serial or 'nothing'}, "
            f"the file says {wanted}",
            hint="Mend the file, or the cabling: two servers may be swapped.",
        )
    if "uuid" in known:
        job.only_one(f"{known['uuid']} {serial or ''}")
    title = " ".join(str(known[key]) for key in ("vendor", "model", "serial") if key in known)
    return done(title or "a server that does not say what it is", {"tls": bmc.tls, **known})


async def validate(job: Job) -> Json:
    """Judge the hardware; stop unless what fails is a setting that the next steps change."""
    verdict = await judge(
        await job.bmc(), await job.facts(), load_profile(job.server.profile), job.server.bmc
    )
    wanted: dict[str, str] = {}
    for finding in verdict.findings:
        if finding.outcome is not Outcome.FAIL:
            continue
        if not job.server.set_bios or finding.rule not in verdict.settings:
            raise _unsuitable(finding, verdict.profile.id)
        wanted |= finding.fix_redfish
    counts = {outcome: number for outcome, number in verdict.counts.items() if number}
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    return done(
        f"{', '.join(wanted)} to be set in the BIOS" if wanted else told,
        {
            "profile": verdict.profile.id,
            "counts": counts,
            "settings": wanted,
            "findings": [
                each.as_dict() for each in verdict.findings if each.outcome is not Outcome.PASS
            ],
        },
    )


def _unsuitable(finding: Finding, profile: str) -> ValidationFailed:
    return ValidationFailed(
        f"validating against {profile}: {finding.title}: "
        f"found {finding.found}, wanted {finding.expected}",
        hint=finding.fix or None,
    )


async def claim(job: Job) -> Json:
    """See that we may start the server: a running one is only stopped where that is allowed."""
    state = await system.power_state(await job.bmc())
    if state != "Off" and job.server.if_on == "refuse":
        raise PowerRefused(
            f"preparing {job.server.name}: the server is not off (power state: {state})",
            hint="Power it off first, or say `if_on: power-off` for it in the file.",
        )
    return done(f"power is {state}", {"power": state})


async def power_off(job: Job) -> Json:
    """Stop the server where it runs and the file allows it."""
    bmc = await job.bmc()
    state = await system.power_state(bmc)
    if state == "Off":
        return nothing_to_do("already off")
    if job.server.if_on == "refuse":
        raise _started_by_another(job)
    wish = "force-off" if job.server.if_on == "force-off" else "off"
    await _change_power(job, wish, "Off")
    return done("off")


async def _change_power(job: Job, wish: str, aim: str) -> None:
    """Ask for a change of power, once in the life of a run, and wait to see it.

    After a crash nobody knows whether the request was sent, and a BMC may take a while to show
    what it does: then we watch first. A server that is still off after that is asked for On again:
    that names a state, and does nothing to a server that has it. To be off is not asked for again:
    the server that runs may have been started by somebody else meanwhile.
    """
    bmc = await job.bmc()
    if not job.mark(f"power-{aim.lower()}"):
        if await _seen(bmc, aim):
            return
        if wish != "on":
            raise OutcomeUnknown(
                f"power {wish} of {job.server.name}: asked for before an interruption, and not "
                f"seen in {_POWER_WAIT:.0f} s",
                hint="Look at the server; then start a new run. The request is not sent again.",
            )
    await system.set_power(bmc, wish, wait=_POWER_WAIT)


async def _seen(bmc: Bmc, aim: str) -> bool:
    deadline = time.monotonic() + _POWER_WAIT
    while await system.power_state(bmc) != aim:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(1.0)
    return True


def _started_by_another(job: Job) -> PowerRefused:
    return PowerRefused(
        f"preparing {job.server.name}: somebody else started it meanwhile",
        hint="Find out who; power it off, then run again.",
    )


async def set_bios(job: Job) -> Json:
    """Stage the BIOS settings that validation found wrong; they apply at the next start."""
    wanted = job.found["validate"]["data"]["settings"]
    if not wanted:
        return nothing_to_do("nothing to change")
    changes = await bios.stage(await job.bmc(), wanted)
    rows = [[each.attribute, each.old, each.new] for each in changes]
    if not rows:
        return nothing_to_do("already staged", {"changes": rows})
    return done(", ".join(f"{name} {old}→{new}" for name, old, new in rows), {"changes": rows})


async def insert_media(job: Job) -> Json:
    """Put the image into the virtual CD drive."""
    media = job.server.media
    if media is None:
        return nothing_to_do("no virtual media")
    slot = await virtual_media.insert(await job.bmc(), media.image)
    return done(f"{slot.name} ← {media.image}", {"slot": slot.name, "image": media.image})


async def set_boot(job: Job) -> Json:
    """Choose the boot device, and read back that the BMC took it."""
    wish = job.server.boot
    setting = await boot.set_boot(await job.bmc(), wish.device, once=wish.once, mode=wish.mode)
    return done(
        " ".join(filter(None, (setting.target, setting.enabled, setting.mode))),
        {"target": setting.target, "enabled": setting.enabled, "mode": setting.mode},
    )


async def mark_console(job: Job) -> Json:
    """Remember where the console log ends, before the server starts."""
    serial = job.server.evidence.serial
    offset = evidence.console_size(serial) if serial else 0
    return done("ready to start", {"offset": offset})


async def power_on(job: Job) -> Json:
    """Start the server; the time for the evidence runs from here."""
    if await system.power_state(await job.bmc()) == "On":
        if job.mark("power-on"):
            raise _started_by_another(job)
        return nothing_to_do("already on", {"started": time.time()})
    await _change_power(job, "on", "On")
    return done("on", {"started": time.time()})


async def see_evidence(job: Job) -> Json:
    """Wait for the sign that the hypervisor is up."""
    await job.close()  # this may take long, and BMCs have few sessions
    offset = job.found["console"]["data"]["offset"]
    started = job.found["power-on"]["data"]["started"]
    seen = await evidence.wait_for(job.server.evidence, offset=offset, started=started)
    lines = seen.get("lines") or [seen.get("text") or seen.get("banner") or seen["kind"]]
    return done(
        lines[-1] or "it answers",
        {"evidence": seen, "after": round(time.time() - started, 1)},
    )


async def confirm(job: Job) -> Json:
    """Look once more at what was changed: the settings must be in force, not only staged."""
    if not job.found["validate"]["data"]["settings"]:
        return nothing_to_do("nothing was changed")
    bmc = await job.bmc()
    profile = load_profile(job.server.profile)
    deadline = time.monotonic() + _CONFIRM_WAIT
    while True:
        findings = hwprofiles.judge(profile, await inventory.read_facts(bmc))
        failed = [each for each in findings if each.outcome is Outcome.FAIL]
        if not failed:
            return done(f"{profile.id}: nothing fails any more")
        if time.monotonic() > deadline:
            raise NotApplied(
                f"validating again after the start: {failed[0].title}: found {failed[0].found}",
                hint=failed[0].fix or None,
            )
        await asyncio.sleep(2.0)


async def eject_media(job: Job) -> Json:
    """Take the image out of the virtual drive where the file says so."""
    if job.server.media is None or not job.server.media.eject:
        return nothing_to_do("nothing to eject")
    await virtual_media.eject(await job.bmc())
    return done("ejected")


#: The order of a story. The names are stored: a renamed step would be run again.
STEPS: tuple[tuple[str, Callable[[Job], Awaitable[Json]]], ...] = (
    ("identify", identify),
    ("validate", validate),
    ("claim", claim),
    ("power-off", power_off),
    ("bios", set_bios),
    ("media", insert_media),
    ("boot", set_boot),
    ("console", mark_console),
    ("power-on", power_on),
    ("evidence", see_evidence),
    ("confirm", confirm),
    ("eject", eject_media),
)
