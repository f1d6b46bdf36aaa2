"""Flashing as people watch it: a bar with rate and ETA for each target, or one line a change."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from provision.core.events import Event, Phase, Result
from provision.core.text import binary, clean

_STEPS = {"write": "writing", "verify": "reading back"}


class _Console(Console):
    """A console that falls silent when nobody reads it; rich's would end the program."""

    def on_broken_pipe(self) -> None:
        """Say nothing from now on."""
        self.quiet = True


class FlashProgress:
    """Listens to the events of flashing and shows them; use it as a context manager round it."""

    def __init__(self, targets: Sequence[str], *, out: TextIO | None = None) -> None:
        # Started with standard error closed, Python has none, and rich would take the other.
        out = out or sys.stderr or io.StringIO()
        self._console = _Console(file=out, highlight=False, markup=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[doing]}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._targets = targets
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> FlashProgress:
        if self._console.is_terminal:
            for target in self._targets:
                self._tasks[target] = self._progress.add_task(
                    _short(target), start=False, total=None, doing="waiting"
                )
            with contextlib.suppress(OSError):
                self._progress.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._console.is_terminal:
            with contextlib.suppress(OSError):
                self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take one event in, from whatever thread; where nobody reads, nothing is said."""
        with self._lock, contextlib.suppress(OSError):
            if event.phase is Phase.PROGRESS:
                self._advance(event)
            elif event.phase is Phase.START and event.step in _STEPS:
                self._begin(event)
            else:
                self._say(event)

    def _begin(self, event: Event) -> None:
        doing = _STEPS[event.step]
        task = self._tasks.get(event.subject)
        if task is None:
            self._line(f"{clean(event.subject)}: {doing}")
        else:
            self._progress.reset(task, total=None, doing=doing)

    def _advance(self, event: Event) -> None:
        task = self._tasks.get(event.subject)
        if task is not None:
            self._progress.update(task, completed=event.done, total=event.total)

    def _say(self, event: Event) -> None:
        subject, message = clean(event.subject), clean(event.message, 300)
        if event.step == "flash" and event.phase is Phase.END:
            passed = event.result is Result.OK
            task = self._tasks.get(event.subject)
            if task is not None:
                self._progress.update(task, doing="PASS" if passed else "FAIL")
                self._progress.stop_task(task)
            self._line(f"{subject}: {'PASS' if passed else 'FAIL'}{message and ': ' + message}")
        elif event.phase is Phase.NOTE:
            self._line(f"{subject}: {message}")

    def _line(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


def _short(target: str, width: int = 30) -> str:
    """Return the end of a path, which is what tells targets apart."""
    name = clean(target)
    return name if len(name) <= width else "…" + name[1 - width :]


def speed(count: int, seconds: float) -> str:
    """Return a rate for a person: ``41.2 MiB/s``."""
    return f"{binary(count / max(seconds, 1e-9))}/s"
