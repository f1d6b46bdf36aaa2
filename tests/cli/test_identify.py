"""``provision identify``: the light on, off, and how it is."""

from __future__ import annotations

import pytest

from provision.bmc import indicator
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run, two

__all__ = ["bmcs", "one", "run", "two"]


def test_on_off_and_status(run: Run, one: SimServer, two: SimServer) -> None:
    """Each way once; what is so already is not sent; both of two."""
    words = [one.url, *reach(one)]
    assert run("identify", "status", *words)[:2] == (0, "off\n")
    assert run("identify", "on", *words, "--dry-run")[1] == "off; would be switched on\n"
    assert run("identify", "on", *words)[:2] == (0, "off → on\n")
    assert run("identify", "on", *words)[:2] == (0, "on (nothing to do)\n")
    told = result(run("identify", "off", *words, "--output", "json")[1])
    assert (told["before"], told["after"], told["sent"]) == ("on", "off", True)
    assert one.count("PATCH", "Systems/1") == 2
    status, out, _ = run("identify", "on", one.url, two.url, *reach(one))
    assert (status, out.count("off → on")) == (0, 2)


def test_a_lie(run: Run, two: SimServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A BMC that says yes and stays dark is found out: exit 5."""
    monkeypatch.setattr(indicator, "_BETWEEN_LOOKS", 0.01)
    run("identify", "off", two.url, *reach(two))
    two.faults.add(faults.lie("Systems/1", method="PATCH"))
    status, out, err = run("identify", "on", two.url, *reach(two))
    two.faults.clear()
    assert (status, out) == (5, "")
    assert "[not-applied]" in err
