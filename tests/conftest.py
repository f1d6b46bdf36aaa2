"""What tests of several rooms share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from provision.sim import Rack

# Machines are shared and slow; no test judges by the clock. The same commit is tested by the same
# examples everywhere; HYPOTHESIS_PROFILE=explore looks for others.
settings.register_profile("bareiron", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bareiron"))


@pytest.fixture(autouse=True)
def _secrets_of_this_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that another test used ("password") must not be starred out here."""
    monkeypatch.setattr("provision.core.secrets._known", {})


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Rack]:
    """A fresh simulated rack of four, off, a hundred times faster than by default.

    ``r1u01`` has virtualization off in its BIOS, ``r1u04`` is an AMD with too little memory.
    """
    from provision.sim import running, standard_mix

    specs = standard_mix(4, virt_off=1, low_memory=1)
    async with running(specs, scale=0.01, directory=tmp_path / "rack") as rack:
        yield rack


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the fast tests between three workers, which wait a lot; others run one by one.

    (Groups would say it better, but pytest-xdist 3.8 does not see them under pytest 9.)
    """
    wanted = str(config.getoption("markexpr"))
    return 3 if all(f"not {name}" in wanted for name in ("lab", "root", "bench")) else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud, at the end where it is read, what was left out and why."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = text.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("LEFT OUT", yellow=True, bold=True)
    for reason, number in reasons.items():
        terminalreporter.line(f"{number} tests: {reason}")
