"""A run as people watch it: a table that lives on a terminal, or one line a change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from provision.core.events import Event, Phase, Result
from provision.core.text import clean

_GLYPHS = {"wait": "·", "busy": "▶", "PASS": "✓ PASS", "FAIL": "✗ FAIL", "UNKNOWN": "? UNKNOWN"}
_ASCII = {"wait": ".", "busy": ">", "PASS": "PASS", "FAIL": "FAIL", "UNKNOWN": "? UNKNOWN"}
_STYLES = {"wait": "dim", "busy": "cyan", "PASS": "green", "FAIL": "bold red", "UNKNOWN": "yellow"}
#: What stands on top when not every server has a line: what needs a person first.
_URGENCY = ("FAIL", "UNKNOWN", "busy", "wait", "PASS")


@dataclass
class _Row:
    name: str
    state: str = "wait"
    step: str = ""
    since: float = field(default_factory=time.monotonic)
    note: str = ""


class RunView:
    """Listens to a run's events and shows them; use it as a context manager round the run.

    Steps that found nothing to do are not told: they are in the event log and the record.
    """

    def __init__(self, servers: Sequence[str], *, title: str, out: TextIO | None = None) -> None:
        self._console = Console(file=out or sys.stderr, highlight=False)
        self._glyphs = _GLYPHS if "utf" in (self._console.encoding or "").lower() else _ASCII
        self._rows = {name: _Row(name) for name in servers}
        self._title = title
        self._began = time.monotonic()
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> RunView:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        row = self._rows.get(event.subject)
        if row is None:
            self._say(event)
            return
        if event.phase is Phase.START:
            row.state, row.step, row.since = "busy", event.step, time.monotonic()
            row.note = ""
        elif event.phase is Phase.NOTE:
            row.note = clean(event.message, 200)
        elif event.phase is Phase.END:
            row.note = clean(event.message, 200)
            if event.step == "record":
                row.state = {Result.OK: "PASS", Result.UNKNOWN: "UNKNOWN"}.get(
                    event.result or Result.FAIL, "FAIL"
                )
                row.step = ""
            self._say(event)

    def _say(self, event: Event) -> None:
        if self._console.is_terminal or event.result is Result.SKIPPED:
            return
        result = str(event.result or event.phase)
        self._console.print(
            f"{event.at:%H:%M:%S} {event.subject:<12} {event.step:<9} {result:<7} "
            f"{clean(event.message, 200)}",
            markup=False,
            soft_wrap=True,
        )

    def _draw(self) -> RenderableType:
        room = max(3, self._console.height - 4)
        rows = list(self._rows.values())
        if len(rows) > room:
            rows.sort(key=lambda row: _URGENCY.index(row.state))
        table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
        table.add_column("server", no_wrap=True, max_width=20)
        table.add_column("state", no_wrap=True, width=10)
        table.add_column("step", no_wrap=True, width=9)
        table.add_column("in it", no_wrap=True, justify="right", width=6)
        table.add_column("note", no_wrap=True, ratio=1, overflow="ellipsis")
        for row in rows[:room]:
            busy = row.state == "busy"
            table.add_row(
                row.name,
                Text(self._glyphs[row.state], style=_STYLES[row.state]),
                row.step,
                _clock(time.monotonic() - row.since) if busy else "",
                Text(row.note, style="" if row.state in ("FAIL", "UNKNOWN") else "dim"),
            )
        hidden = len(rows) - room
        tail = [Text(f"… and {hidden} more", style="dim")] if hidden > 0 else []
        return Group(Text(self._counts()), table, *tail)

    def _counts(self) -> str:
        states = [row.state for row in self._rows.values()]
        told = [
            f"{states.count(key)} {key}" for key in ("PASS", "FAIL", "UNKNOWN") if key in states
        ]
        told.append(f"{states.count('busy')} busy, {states.count('wait')} waiting")
        return f"{self._title} · {_clock(time.monotonic() - self._began)} · " + " · ".join(told)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def summary(document: dict[str, Any], *, out: TextIO | None = None) -> None:
    """Print a run's summary: a line per server, failures by cause with what to do, the records."""
    console = Console(file=out or sys.stdout, highlight=False)
    utf = "utf" in (console.encoding or "").lower()
    glyphs = _GLYPHS if utf else _ASCII
    width = max((len(each["server"]) for each in document["servers"]), default=0)
    for each in document["servers"]:
        line = Text(f" {each['server']:<{width}}  ")
        line.append(f"{glyphs[each['verdict']]:<9}", style=_STYLES[each["verdict"]])
        line.append("  " + clean(each["message"], 300))
        console.print(line, soft_wrap=True)
    _causes(console, document["servers"])
    verdicts = [each["verdict"] for each in document["servers"]]
    told = ", ".join(
        f"{verdicts.count(key)} {key}" for key in ("PASS", "FAIL", "UNKNOWN") if key in verdicts
    )
    console.print(f"Run {document['run']}: {told}.", soft_wrap=True)
    console.print(f"Records: {document['records']}", soft_wrap=True)


def _causes(console: Console, servers: list[dict[str, Any]]) -> None:
    """Failures grouped by their code: a rack rarely fails in sixteen different ways."""
    causes: dict[str, list[dict[str, Any]]] = {}
    for each in servers:
        if each["error"]:
            causes.setdefault(each["error"]["code"], []).append(each)
    for code, members in sorted(causes.items(), key=lambda item: -len(item[1])):
        names = ", ".join(member["server"] for member in members[:6])
        more = f" and {len(members) - 6} more" if len(members) > 6 else ""
        console.print(Text(f"{len(members)} x {code}: {names}{more}", style="bold"), soft_wrap=True)
        hint = members[0]["error"]["hint"]
        if hint:
            arrow = "→" if console.encoding.startswith("utf") else "->"
            console.print(Text(f"  {arrow} {hint}"), soft_wrap=True)
