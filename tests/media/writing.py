"""Short ways to write an image to a target in a test."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from provision.core.events import Event, Observer, Phase, ignore
from provision.media.authenticity import Digest
from provision.media.images import open_image
from provision.media.spool import Spool
from provision.media.targets import Policy, examine
from provision.media.writer import WriteReport, write

ALLOW = Policy(allow_file=True, allow_loop=True)


def flash(
    image: Path,
    target: Path,
    observer: Observer = ignore,
    *,
    sha256: str | None = None,
    cancel: threading.Event | None = None,
) -> WriteReport:
    """Write ``image`` to ``target``, expecting the digest it has, or ``sha256``."""
    digest = sha256 or hashlib.sha256(image.read_bytes()).hexdigest()
    with open_image(image) as opened, Spool(opened, Digest(hex=digest, source="test")) as spool:
        return write(spool, examine(target, policy=ALLOW), observer, cancel)


def at(step: str, phase: Phase, act: Callable[[], object]) -> Observer:
    """Do something when a step begins, goes on or ends."""

    def observe(event: Event) -> None:
        if (event.step, event.phase) == (step, phase):
            act()

    return observe


def bootable(target: Path) -> bool:
    """Whether anything is left that a machine might boot from: the head, or the tail."""
    data = target.read_bytes()
    return any(data[: 1 << 20]) or any(data[-(1 << 20) :])
