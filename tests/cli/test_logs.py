"""``provision logs``: newest first; emptied only when asked twice."""

from __future__ import annotations

from provision.sim.rack import SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run

__all__ = ["bmcs", "one", "run"]


def test_shown(run: Run, one: SimServer) -> None:
    """A table, newest first; --since and --severity leave out the rest; JSON holds it all."""
    words = ["logs", one.url, *reach(one)]
    status, out, err = run(*words)
    assert (status, err, len(out.splitlines())) == (0, "", 5)
    times = [line[:19] for line in out.splitlines()[1:]]
    assert times == sorted(times, reverse=True)
    assert len(run(*words, "--severity", "critical")[1].splitlines()) == 2
    assert len(run(*words, "--since", "2h")[1].splitlines()) == 3
    assert run(*words, "--since", "2099-01-01")[1] == "no entries\n"
    told = result(run(*words, "--output", "json", "--lines", "1")[1])
    assert len(told["entries"]) == 1
    assert run(*words, "--since", "yesterday")[0] == 2
    assert run(*words, "--log", "SEL")[0] == 5


def test_cleared_only_when_asked_twice(run: Run, one: SimServer) -> None:
    """--clear without --yes and without a terminal is refused, and nothing was sent."""
    words = ["logs", one.url, *reach(one), "--clear"]
    assert run(*words, "--dry-run")[:2] == (0, "Log: 4 entries would be cleared\n")
    status, out, err = run(*words)
    assert (status, out) == (6, "")
    assert "[not-confirmed]" in err
    assert run(*words, "--since", "2h", "--yes")[0] == 2
    assert one.count("POST", "ClearLog") == 0
    assert run(*words, "--yes")[:2] == (0, "Log: cleared (4 entries → 1)\n")
    assert one.count("POST", "ClearLog") == 1
