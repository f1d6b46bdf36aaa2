"""How a run is shown: a line a change without a terminal, and a summary that says what to do."""

from __future__ import annotations

import io
from typing import Any

from provision.core.events import Event, Phase, Result
from provision.report import live


def ended(name: str, step: str, result: Result, message: str = "") -> Event:
    """The end of a step."""
    return Event(subject=name, step=step, phase=Phase.END, result=result, message=message)


def server(name: str, code: str = "") -> dict[str, Any]:
    """A server's line in a summary document."""
    error = {"code": code, "message": "m", "hint": f"mend {code}", "exit_status": 5}
    return {
        "server": name,
        "verdict": "FAIL" if code else "PASS",
        "message": "evidence",
        "error": error if code else None,
        "record": f"/r/{name}.json",
    }


def test_without_a_terminal_each_change_is_one_line() -> None:
    """A log file or a CI job gets lines, no cursor movements."""
    out = io.StringIO()
    with live.RunView(["u01"], title="run x", out=out) as view:
        view(Event(subject="u01", step="boot", phase=Phase.START))
        view(ended("u01", "boot", Result.OK, "Usb Continuous"))
        view(Event(subject="10.0.0.1:443", step="tls", phase=Phase.NOTE, message="pinned AB:CD"))
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "u01" in lines[0]
    assert "Usb Continuous" in lines[0]
    assert "pinned AB:CD" in lines[1]
    assert "\x1b" not in out.getvalue()


def test_a_server_cannot_write_to_the_terminal() -> None:
    """What a BMC says of itself is shown without its escape sequences and markup."""
    out = io.StringIO()
    with live.RunView(["u01"], title="run x", out=out) as view:
        view(ended("u01", "identify", Result.OK, "evil\x1b[2J[red]model"))
    assert "evil[2J[red]model" in out.getvalue()


def test_the_summary_groups_failures_by_cause() -> None:
    """Eleven servers with one cable mistake are one problem."""
    out = io.StringIO()
    servers = [server("u01"), *(server(f"u{n:02}", "timeout") for n in range(2, 13))]
    servers.append(server("u13", "server-is-on"))
    live.summary({"run": "x", "servers": servers, "records": "/r"}, out=out)
    text = out.getvalue()
    assert "11 x timeout: u02, u03, u04, u05, u06, u07 and 5 more" in text
    assert "mend timeout" in text
    assert text.index("11 x timeout") < text.index("1 x server-is-on")
    assert "1 PASS, 12 FAIL" in text
