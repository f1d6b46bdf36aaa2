"""The story of flashing: look at image and targets, ask, write them all, and keep a record of each.

Nothing is opened for writing before every target has been examined and the answer was yes. One
target that fails never stops the others; one that is refused beforehand stops the whole job, as
what the user named is then not what the user believes it to be.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.core.errors import Exit, ImageError, InternalFault, ProvisionError, Refused, worst
from provision.core.events import Event, Observer, Phase, Result, ignore
from provision.core.text import clean
from provision.flow.flash_records import FlashRecords
from provision.flow.signals import stopping
from provision.media.authenticity import Digest, expected_digest
from provision.media.device import Device
from provision.media.disks import Medium
from provision.media.errors import Cancelled, ImageNotBootable, StateUnknown
from provision.media.identify import ImageInfo, inspect
from provision.media.images import Image, open_image
from provision.media.spool import Spool
from provision.media.targets import Policy, Target, examine
from provision.media.writer import WriteReport, write_device

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for."""

    image: Path
    targets: tuple[Path, ...]
    sha256: str | None = None
    unverified: bool = False
    anyway: bool = False
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is about to happen, for the question: nothing has been changed yet."""

    info: ImageInfo
    digest: Digest | None
    targets: tuple[Target, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one target ended. Exactly one of ``report`` and ``error`` is there.

    ``touched`` says whether anything was, or may have been, written to it.
    """

    target: Target
    started: datetime
    finished: datetime
    report: WriteReport | None = None
    error: ProvisionError | None = None
    touched: bool = True

    @property
    def result(self) -> str:
        """``pass``, ``fail``, ``unknown``, or ``cancelled``."""
        if self.report:
            return "pass"
        if isinstance(self.error, StateUnknown):
            return "unknown"
        return "cancelled" if isinstance(self.error, Cancelled) else "fail"


@dataclass(frozen=True, kw_only=True)
class FlashReport:
    """How the job ended: each target, its record, and the exit status that speaks for all."""

    outcomes: tuple[Outcome, ...]
    records: tuple[dict[str, Any], ...]
    status: int
    #: What went wrong beside the targets: a record that could not be kept.
    problems: tuple[ProvisionError, ...] = ()


def flash(
    request: Request,
    *,
    confirm: Callable[[Plan], None] = lambda _plan: None,
    observer: Observer = ignore,
    cancel: threading.Event | None = None,
) -> FlashReport:
    """Write the image to all targets and verify each; ``confirm`` raises to stop it beforehand.

    Setting ``cancel`` stops the writing and leaves nothing bootable; so do SIGINT and SIGTERM when
    this runs in the main thread.
    """
    with open_image(request.image) as image:
        plan = look(image, request)
        confirm(plan)
        records = FlashRecords.begin(plan)
        cancel = cancel or threading.Event()
        with Spool(image, plan.digest) as spool, _stopping(spool, cancel) as signalled:
            outcomes = _write_all(plan, spool, _harmless(observer), cancel)
            if not any(outcome.report for outcome in outcomes):
                # Nobody is left to write for: do not unpack the rest.
                spool.abort(ImageError("reading the image: no target is left"))
            spool.finish()
            kept, problems = records.finish(outcomes, spool)
    status = overall_status(outcomes)
    if status and signalled:
        status = 128 + signalled[0]
    if problems:
        status = worst([status, *(int(problem.status) for problem in problems)])
    return FlashReport(outcomes=outcomes, records=kept, status=status, problems=problems)


def _stopping(spool: Spool, cancel: threading.Event) -> AbstractContextManager[list[int]]:
    """Take a signal as the wish to stop until the records are complete."""

    def stop() -> None:
        cancel.set()
        spool.abort(Cancelled("writing the targets: it was stopped"))

    return stopping(stop)


def _harmless(observer: Observer) -> Observer:
    """Keep what goes wrong in showing the work from the work."""

    def observe(event: Event) -> None:
        try:
            observer(event)
        except Exception:
            log.debug("an observer failed", exc_info=True)

    return observe


def look(image: Image, request: Request) -> Plan:
    """Examine image and targets; raise every reason against it, and change nothing."""
    digest = expected_digest(request.image, request.sha256, unverified=request.unverified)
    info = inspect(image)
    if not request.anyway:
        _insist_on_a_stick_image(info, request.image)
    targets = _examine_all(request, image.size)
    for target in targets:
        _check_source(target, image)
    _check_distinct(targets)
    return Plan(info=info, digest=digest, targets=targets)


def _insist_on_a_stick_image(info: ImageInfo, path: Path) -> None:
    doing = f"examining the image {clean(path)}"
    if info.disc_only:
        raise ImageNotBootable(
            f"{doing}: it is a disc image ({info.label or 'ISO 9660'}) "
            "without the hybrid boot sector that lets it boot from a stick",
            hint="Insert it as virtual media (`provision media insert`), or get the vendor's USB "
            "image; --anyway writes it all the same.",
        )
    if info.table == "none" and info.filesystem is None:
        raise ImageNotBootable(
            f"{doing}: it is no disk image: neither a partition table nor a file system is in it",
            hint="Check that this is the file you mean (`provision image inspect`); --anyway "
            "writes it all the same.",
        )


def overall_status(outcomes: tuple[Outcome, ...]) -> int:
    """Return the exit status for all outcomes: 0, the gravest special one, or some/all failed."""
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if not failed:
        return Exit.OK
    plain = Exit.ALL_FAILED if len(failed) == len(outcomes) else Exit.SOME_FAILED
    as_plain = {Exit.ALL_FAILED, Exit.SOME_FAILED}
    if any(outcome.touched for outcome in outcomes):
        as_plain.add(Exit.REFUSED)  # which promises that nothing was changed
    statuses = [int(plain if error.status in as_plain else error.status) for error in failed]
    return worst(statuses)


def _examine_all(request: Request, size: int | None) -> tuple[Target, ...]:
    targets, refusals = [], []
    for path in request.targets:
        try:
            targets.append(examine(path, policy=request.policy, image_size=size))
        except ProvisionError as error:
            refusals.append(error)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        lines = "\n".join(f"  {error} [{error.code}]" for error in refusals)
        raise Refused(
            f"examining the targets: {len(refusals)} of {len(request.targets)} may not be written, "
            f"so none was:\n{lines}",
            hint="Mend what each line names, or leave that target out.",
        )
    return tuple(targets)


def _check_source(target: Target, image: Image) -> None:
    """Refuse to write an image over itself, by whatever name."""
    if target.medium == ("file", *image.identity):
        raise Refused(
            f"examining the target {clean(target.path)}: it is the image itself",
            hint="Name another target.",
        )


def _check_distinct(targets: tuple[Target, ...]) -> None:
    seen: dict[Medium, Target] = {}
    for target in targets:
        other = seen.setdefault(target.medium, target)
        if other is not target:
            raise Refused(
                f"examining the targets: {clean(other.path)} and {clean(target.path)} are the same",
                hint="Name each target once.",
            )


def _write_all(
    plan: Plan, spool: Spool, observer: Observer, cancel: threading.Event
) -> tuple[Outcome, ...]:
    """Write every target in its own thread; return how each ended."""
    done: dict[Path, Outcome] = {}

    def work(target: Target) -> None:
        done[target.path] = _one(target, spool, observer, cancel)

    threads = [
        threading.Thread(target=work, args=(target,), name=f"flash-{target.path.name}")
        for target in plan.targets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tuple(done[target.path] for target in plan.targets)


def _one(target: Target, spool: Spool, observer: Observer, cancel: threading.Event) -> Outcome:
    """Write one target; whatever happens to it is its own affair."""
    started = datetime.now(UTC)
    report, error, touched = None, None, False
    subject = str(target.path)
    observer(Event(subject=subject, step="flash", phase=Phase.START, message=target.title))
    try:
        with Device.open(target) as device:
            touched = True
            report = write_device(spool, device, observer, cancel)
    except ProvisionError as failure:
        error = failure
    except Exception as failure:  # noqa: BLE001 - a bug in one target's thread must not be silent
        error = InternalFault(f"writing {clean(target.path)}: {type(failure).__name__}: {failure}")
    observer(
        Event(
            subject=subject,
            step="flash",
            phase=Phase.END,
            result=Result.FAIL if error else Result.OK,
            code=error.code if error else "",
            message=str(error) if error else "",
        )
    )
    return Outcome(
        target=target,
        started=started,
        finished=datetime.now(UTC),
        report=report,
        error=error,
        touched=touched,
    )
