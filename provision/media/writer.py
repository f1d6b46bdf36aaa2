"""Writes one target so that it boots only when every byte on it has been read back and is right.

The order is the safety: first the places a machine boots from are blanked (the first MiB, and the
last, where the second copy of a partition table lies), then all the rest is written and read back
from the medium, and only then, with the image's digest checked, what was withheld is written, and
read back too; of that, the few blocks by which firmware decides to boot come last, and the boot
sector after all others. Killed at any moment before that, the stick does not boot. On an error or
Ctrl-C the same places are blanked again; where that fails too, nobody is told that it worked.

Zeros of the image are not written where the target already has zeros. That is not taken on trust:
everything is read back, and what is not zero is made so, after which everything is read once more.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import Any

from provision.core.errors import ProvisionError
from provision.core.events import Event, Observer, Phase, Result
from provision.core.text import binary, clean
from provision.media.checksum import NAME, checksum
from provision.media.device import Device, buffer
from provision.media.errors import (
    Cancelled,
    ImageDamaged,
    StateUnknown,
    TargetFull,
    TargetLost,
    VerifyFailed,
)
from provision.media.spans import Span, Withheld, blank, first_difference, first_gap, up
from provision.media.spool import CHUNK, HEAD, Extent, Spool
from provision.media.targets import Target

#: Every so many stretches of zeros are looked at before they are skipped.
PROBE_EVERY = 16
PROBE = 64 << 10
#: Progress is told this often, in seconds.
TELL_EVERY = 0.1


@dataclass(frozen=True, kw_only=True)
class WriteReport:
    """What was done to a target that is right."""

    bytes: int
    bytes_written: int
    bytes_repaired: int
    write_seconds: float
    verify_seconds: float
    seconds: float
    direct: bool
    read_back: str


def write(
    spool: Spool, target: Target, observer: Observer, cancel: threading.Event | None = None
) -> WriteReport:
    """Write the spooled image to ``target``, verify it, and make it bootable; or raise.

    Whatever is raised, the target is left without anything to boot from; except ``StateUnknown``,
    which says that this could not be made sure of.
    """
    with Device.open(target) as device:
        return write_device(spool, device, observer, cancel)


def write_device(
    spool: Spool, device: Device, observer: Observer, cancel: threading.Event | None = None
) -> WriteReport:
    """Do the same with a target that is open already: from here on, it is touched."""
    return _Writer(spool, device, observer, cancel or threading.Event()).run()


class _Writer:
    """The work on one target."""

    def __init__(
        self, spool: Spool, device: Device, observer: Observer, cancel: threading.Event
    ) -> None:
        self._spool = spool
        self._device = device
        self._observer = observer
        self._cancel = cancel
        self._source = buffer(CHUNK)
        self._found = buffer(CHUNK)
        self._extents: list[Extent] = []
        self._withheld = Withheld.of(device.size)
        #: Extents whose zeros were left to the target, by offset.
        self._skipped: set[int] = set()
        self._skipping = True
        #: Whether the target may boot as it is now: it holds what it came with, or the image.
        self._armed = True
        self._gaps = 0
        self._written = self._repaired = 0
        self._told = 0.0

    def run(self) -> WriteReport:
        """Do all of it."""
        begun = time.monotonic()
        try:
            self._blank()
            self._write_all()
            wrote = time.monotonic()
            self._verify_all()
            self._commit()
            self._device.announce()
        except BaseException as error:
            self._giveup(error)
            raise
        done = time.monotonic()
        return WriteReport(
            bytes=self._end,
            bytes_written=self._written,
            bytes_repaired=self._repaired,
            write_seconds=wrote - begun,
            verify_seconds=done - wrote,
            seconds=done - begun,
            direct=self._device.direct,
            read_back=f"{NAME}-tree:{self._tree()}",
        )

    @property
    def _end(self) -> int:
        return self._extents[-1].offset + self._extents[-1].length

    # --- the steps -------------------------------------------------------------------------

    def _blank(self) -> None:
        """Write zeros where a machine would look for something to boot."""
        zeros = buffer(HEAD)
        for start, length in self._withheld.spans():
            self._device.write(start, zeros[:length])
            self._device.settle()
        self._armed = False

    def _write_all(self) -> None:
        self._tell("write", Phase.START)
        for extent in self._spool.follow():
            self._check_stop()
            end = extent.offset + extent.length
            if end > self._device.size:
                raise TargetFull(
                    f"writing {clean(self._device.target.path)}: it holds "
                    f"{self._device.size} bytes, the image has more"
                )
            self._extents.append(extent)
            self._write_extent(extent)
            self._progress("write", end, self._spool.size)
        self._device.settle()
        self._device.check_identity(TargetLost)
        self._tell("write", Phase.END, result=Result.OK)

    def _verify_all(self) -> None:
        """Read everything back; once more when stale zeros had to be repaired on the way."""
        self._tell("verify", Phase.START)
        if self._verify_pass(repair=True):
            self._tell("verify", Phase.NOTE, message="old data was found and zeroed; reading again")
            self._device.settle()
            self._verify_pass(repair=False)
        self._tell("verify", Phase.END, result=Result.OK)

    def _commit(self) -> None:
        """Write what was withheld, the head last, and read it back."""
        self._spool.confirm()
        self._check_stop()
        self._device.check_identity(TargetLost)
        deciding = self._withheld.deciding(self._end)
        for start, length in self._withheld.body(self._end):
            self._copy(start, length)
        self._device.settle()
        self._verify_withheld(without=deciding)
        self._device.check_identity(TargetLost)
        self._armed = True
        for start, length in deciding:
            self._copy(start, length)
            self._device.settle()
        self._verify_withheld(without=[])
        self._device.check_identity(TargetLost)

    def _verify_withheld(self, *, without: list[Span]) -> None:
        """Read what was withheld back: it is the image's, ``without`` what is not written yet."""
        for extent in self._extents:
            if not self._withheld.touches(extent):
                continue
            found = self._read_back(extent)
            if not without and checksum(found) == extent.checksum:
                continue
            wanted = self._wanted(extent, without)
            if not without or first_difference(found, wanted) is not None:
                raise self._mismatch(extent, found, wanted)

    def _giveup(self, error: BaseException) -> None:
        """Leave nothing bootable behind, unless what is there now is not what was confirmed."""
        try:
            self._device.check_medium()
            self._blank()
        except ProvisionError as failure:
            if self._armed and not self._is_blank():
                raise StateUnknown(
                    f"{error or type(error).__name__}; then it could not be blanked ({failure}), "
                    "so that it may be bootable"
                ) from error
            if isinstance(error, ProvisionError):
                error.hint = f"{error.hint} It could not be blanked: {failure}.".strip()

    def _is_blank(self) -> bool:
        """Whether there are zeros already where a machine would look for something to boot."""
        try:
            self._device.check_medium()
            for start, length in self._withheld.spans():
                view = self._found[:length]
                self._device.read(start, view)
                if view.tobytes().strip(b"\0"):
                    return False
        except ProvisionError:
            return False
        return True

    # --- writing ---------------------------------------------------------------------------

    def _write_extent(self, extent: Extent) -> None:
        """Write the runs of an extent that are not withheld, and its zeros where needed."""
        gap = first_gap(extent)
        runs: tuple[Span, ...] = extent.runs
        if gap and self._may_skip(gap):
            self._skipped.add(extent.offset)
        else:
            runs = ((extent.offset, extent.length),)
        for run in runs:
            for start, length in self._withheld.outside(run):
                self._copy(start, length)

    def _may_skip(self, gap: Span) -> bool:
        """Whether zeros may be left to the target, going by samples of what is there."""
        open_part = self._withheld.outside(gap)
        if not open_part or not self._skipping:
            return self._skipping
        if self._gaps % PROBE_EVERY == 0:
            start, length = open_part[0]
            view = self._found[: min(length, PROBE) // self._device.block * self._device.block]
            self._device.read(start, view)
            self._skipping = not view.tobytes().strip(b"\0")
        self._gaps += 1
        return self._skipping

    def _copy(self, start: int, length: int) -> None:
        """Write ``length`` bytes of the image at ``start``, padded with zeros to whole blocks."""
        padded = up(length, self._device.block)
        view = self._source[:padded]
        self._spool.read(start, view[:length])
        if padded > length:
            view[length:] = bytes(padded - length)
        self._device.write(start, view)
        self._written += length

    # --- reading back ----------------------------------------------------------------------

    def _verify_pass(self, *, repair: bool) -> bool:
        """Read every extent back; return whether any had to be repaired."""
        repaired = False
        for extent in self._extents:
            self._check_stop()
            view = self._read_back(extent)
            if self._withheld.touches(extent) or checksum(view) != extent.checksum:
                repaired = self._look_closer(extent, view, repair=repair) or repaired
            self._progress("verify", extent.offset + extent.length, self._end)
        return repaired

    def _look_closer(self, extent: Extent, found: memoryview, *, repair: bool) -> bool:
        """Compare byte by byte; zero what was skipped and is not zero, and say whether it was."""
        wanted = self._wanted(extent, self._withheld.spans())
        if self._withheld.touches(extent) and first_difference(found, wanted) is None:
            return False
        if not repair or extent.offset not in self._skipped:
            raise self._mismatch(extent, found, wanted)
        for start, length in extent.runs:
            here = slice(start - extent.offset, start - extent.offset + length)
            if first_difference(found[here], wanted[here]) is not None:
                raise self._mismatch(extent, found, wanted, within=here)
        self._skipped.discard(extent.offset)
        for start, length in self._withheld.outside((extent.offset, extent.length)):
            self._copy(start, length)
            self._repaired += length
        return True

    def _read_back(self, extent: Extent) -> memoryview:
        self._device.read(extent.offset, self._found[: up(extent.length, self._device.block)])
        return self._found[: extent.length]

    def _wanted(self, extent: Extent, without: list[Span]) -> memoryview:
        """Return what has to be on the target now: the image, with zeros where it is withheld."""
        view = self._source[: extent.length]
        self._spool.read(extent.offset, view)
        blank(without, extent, view)
        return view

    def _mismatch(
        self,
        extent: Extent,
        found: memoryview,
        wanted: memoryview,
        within: slice = slice(None),
    ) -> VerifyFailed | ImageDamaged:
        at = first_difference(found[within], wanted[within])
        if at is None:
            # The target has what the image has now, which is not what it had when it was hashed.
            return ImageDamaged(
                f"reading the image {clean(self._spool.image.path)}: it changed meanwhile"
            )
        at += within.start or 0
        offset = extent.offset + at
        what = "other data" if any(found[at : at + 512]) else "zeros"
        return VerifyFailed(
            f"reading back {clean(self._device.target.path)}: at {binary(offset)} (byte {offset}) "
            f"there is {what} instead of what was written"
        )

    def _tree(self) -> str:
        """The digest over the checksums of all extents, each of which was read back equal."""
        return hashlib.sha256(b"".join(extent.checksum for extent in self._extents)).hexdigest()

    # --- telling ---------------------------------------------------------------------------

    def _check_stop(self) -> None:
        if self._cancel.is_set():
            raise Cancelled(f"writing {clean(self._device.target.path)}: it was stopped")
        self._spool.check()

    def _progress(self, step: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_EVERY or done == total:
            self._told = now
            self._tell(step, Phase.PROGRESS, done=done, total=total)

    def _tell(self, step: str, phase: Phase, **more: Any) -> None:
        subject = str(self._device.target.path)
        self._observer(Event(subject=subject, step=step, phase=phase, **more))
