"""Carrying out a planned firmware update: sent once, followed, and judged by what is read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provision.bmc import firmware, firmware_plan, tasks, upload
from provision.bmc.errors import UNTOLD, NotApplied
from provision.bmc.firmware import Component, VersionChange
from provision.bmc.firmware_plan import Planned, Wanted
from provision.bmc.replies import Reply
from provision.bmc.service import Bmc
from provision.bmc.tasks import Ended
from provision.core.errors import OutcomeUnknown, ProvisionError, Unreachable
from provision.core.events import Event, Observer, Phase, ignore

#: Seconds a BMC that updated itself may take to come back, and between two looks meanwhile.
_RETURN: Final = 600.0
_BETWEEN_LOOKS: Final = 5.0
#: Looks for a task of which the BMC did not tell, when its answer was lost.
_LOOKS_FOR_TASKS: Final = 3
_STEP: Final = "firmware"


class NotSentWhole(Unreachable):
    """The connection broke in the middle of an upload; the BMC never had the whole image."""

    code = "upload-broken"
    remedy = "Check the network and the BMC's free space, then start the update again."


@dataclass(frozen=True, kw_only=True)
class Updated:
    """What came of an update; ``changes`` are the versions that are others now."""

    planned: Planned
    sent: bool
    task: Ended | None = None
    changes: tuple[VersionChange, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "plan": self.planned.as_dict(),
            "sent": self.sent,
            "task": self.task.as_dict() if self.task else None,
            "changes": [each.as_dict() for each in self.changes],
            "notes": list(self.notes),
        }


async def update(
    bmc: Bmc, wanted: Wanted, *, wait: float = 3600.0, observer: Observer = ignore
) -> Updated:
    """Plan and carry out an update; where the wished version is there already, send nothing.

    ``wait`` bounds the seconds its task may take. An answer that is lost is looked for among the
    BMC's tasks and versions; the image is never sent a second time.
    """
    planned = await firmware_plan.plan(bmc, wanted)
    if not planned.path:
        return Updated(planned=planned, sent=False, notes=planned.notes)
    return await _Update(bmc, wanted, planned, observer).carried_out(wait)


class _Update:
    """One update under way."""

    def __init__(self, bmc: Bmc, wanted: Wanted, planned: Planned, observer: Observer) -> None:
        self._bmc = bmc
        self._wanted = wanted
        self._planned = planned
        self._observer = observer
        self._doing = f"updating firmware at {bmc.name}"

    async def carried_out(self, wait: float) -> Updated:
        known = set(await tasks.listed(self._bmc))
        unknown: ProvisionError | None = None
        task = ""
        try:
            task = tasks.task_of(self._bmc, await self._send())
        except (OutcomeUnknown, NotSentWhole) as error:
            unknown = error
            task = await self._new_task(known)
        ended = None
        if task:
            ended = await tasks.wait(
                self._bmc, task, doing=self._doing, seconds=wait, observer=self._observer
            )
        after = await self._after()
        found = firmware.changes(self._planned.before, after)
        if unknown and not (task or found):
            raise unknown
        notes = [*self._planned.notes, *self._notes(found, ended)]
        self._check(after, ended)
        return Updated(
            planned=self._planned, sent=True, task=ended, changes=tuple(found), notes=tuple(notes)
        )

    async def _send(self) -> Reply:
        plan = self._planned
        if plan.how == "simple":
            return await self._bmc.post(plan.path, plan.body)
        return await self._push(self._wanted.file or Path())

    async def _push(self, path: Path) -> Reply:
        plan = self._planned
        with upload.opened(path) as image:
            form: Any = (
                upload.multipart(image, plan.body, self._progress())
                if plan.how == "multipart"
                else upload.bare(image, self._progress())
            )
            try:
                return await self._bmc.push(plan.path, form, image.seconds)
            except OutcomeUnknown as error:
                if image.whole:
                    raise
                raise NotSentWhole(
                    f"{self._doing}: the connection broke after {upload.told(image)}; the BMC did "
                    "not get the whole image"
                ) from error

    def _progress(self) -> upload.Sent:
        """Return who tells of the bytes sent: at each percent, not at each piece."""
        told = -1

        def sent(done: int, total: int) -> None:
            nonlocal told
            if (percent := done * 100 // total) > told:
                told = percent
                self._observer(
                    Event(
                        subject=self._bmc.name,
                        step="upload",
                        phase=Phase.PROGRESS,
                        message=f"{percent} %",
                        done=done,
                        total=total,
                    )
                )

        return sent

    async def _new_task(self, known: set[str]) -> str:
        """Return the task that came up meanwhile, if it is the only one."""
        for look in range(_LOOKS_FOR_TASKS):
            if look:
                await asyncio.sleep(min(_BETWEEN_LOOKS, 1.0))
            try:
                new = [each for each in await tasks.listed(self._bmc) if each not in known]
            except (*UNTOLD, Unreachable):
                continue
            if len(new) == 1:
                return new[0]
        return ""

    async def _after(self) -> list[Component]:
        """Return the versions now; a BMC that restarts with what it was given is waited for."""
        clock = asyncio.get_running_loop().time
        end = clock() + _RETURN
        while True:
            try:
                return await firmware.components(self._bmc)
            except (*UNTOLD, Unreachable):
                if clock() + _BETWEEN_LOOKS >= end:
                    raise
                await asyncio.sleep(_BETWEEN_LOOKS)

    def _notes(self, found: list[VersionChange], ended: Ended | None) -> list[str]:
        notes = []
        if ended is None:
            notes.append("the BMC named no task for it; the versions are all that can be told")
        elif ended.state == tasks.GONE:
            notes.append("its task is gone; the versions are all that can be told")
        if not found:
            notes.append(
                "no version has changed: it may take effect at the next restart of the server or "
                "of the BMC, or be the version that was there"
            )
        return notes

    def _check(self, after: list[Component], ended: Ended | None) -> None:
        """Raise where the wished version is neither there nor still to come."""
        wish = self._wanted.version
        if not wish or self._wanted.apply_time not in ("", "Immediate"):
            return
        ids = {each.path for each in self._planned.targets}
        now = [each for each in after if each.path in ids] if ids else after
        if not any(each.version == wish for each in now):
            state = f"its task ended as {ended.state}" if ended else "the BMC said yes"
            shown = ", ".join(each.version or "unknown" for each in now) if ids else "none so"
            raise NotApplied(
                f"{self._doing}: {state}, and the version is {shown} instead of {wish}",
                hint="Restart the server (or wait for the BMC to restart), then list again.",
            )
