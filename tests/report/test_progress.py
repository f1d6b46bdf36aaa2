"""Flashing as people watch it, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from provision.core.events import Event, Phase, Result
from provision.report.progress import FlashProgress

EVENTS = [
    Event(subject="/dev/sdb", step="flash", phase=Phase.START),
    Event(subject="/dev/sdb", step="write", phase=Phase.START),
    Event(subject="/dev/sdb", step="write", phase=Phase.PROGRESS, done=1 << 20, total=None),
    Event(subject="/dev/sdb", step="write", phase=Phase.PROGRESS, done=1 << 21, total=1 << 22),
    Event(subject="/dev/sdb", step="write", phase=Phase.END, result=Result.OK),
    Event(subject="/dev/sdb", step="verify", phase=Phase.START),
    Event(subject="/dev/sdb", step="verify", phase=Phase.PROGRESS, done=1 << 21, total=1 << 22),
    Event(
        subject="/dev/sdb",
        step="flash",
        phase=Phase.END,
        result=Result.FAIL,
        message="reading back /dev/sdb: [bold]x\x1b[2J",
    ),
]


def shown(out: io.StringIO) -> str:
    """What is printed for one failing target."""
    with FlashProgress(["/dev/sdb"], out=out) as progress:
        for event in EVENTS:
            progress(event)
    return out.getvalue()


def test_a_log_gets_one_line_a_change() -> None:
    """No bars, no escape sequences, and a stick's words are not obeyed."""
    assert shown(io.StringIO()).splitlines() == [
        "/dev/sdb: writing",
        "/dev/sdb: reading back",
        "/dev/sdb: FAIL: reading back /dev/sdb: [bold]x[2J",
    ]


def test_a_terminal_gets_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each target; its verdict stays in the scrollback."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    text = shown(io.StringIO())
    assert "\x1b[2J" not in text
    assert "/s" in text
    assert "FAIL: reading back" in text
