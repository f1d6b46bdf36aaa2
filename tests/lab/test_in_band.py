"""The in-band probe on emulated CPUs: what it says of virtualization is true of each of them.

Emulation has SVM and no VMX, so Intel's side is shown by recorded registers alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hwprofiles
from hwprofiles.facts import FactBook, Source
from tests.lab import inband

pytestmark = pytest.mark.lab

#: CPU -> state, what settled it, and what the profile of Xen makes of it.
CPUS = {
    "max,-hypervisor": ("enabled", "msr", "pass"),
    "max,-hypervisor,-svm": ("unsupported", None, "fail"),
    "max": ("guest", None, "unknown"),
    # A part that can, and a kernel that shows no flag: never "unsupported".
    "Skylake-Server-v4,-hypervisor": ("off-or-hidden", None, "fail"),
}


@pytest.fixture(scope="module")
def probe() -> Iterator[inband.Probe]:
    """The ramdisk, made once."""
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        yield inband.build(Path(folder))


@pytest.fixture(scope="module")
def told(probe: inband.Probe) -> dict[str, dict[str, Any]]:
    """What the probe says on each CPU."""
    with tempfile.TemporaryDirectory(prefix="probe-") as folder, ThreadPoolExecutor(2) as pool:

        def run(cpu: str) -> dict[str, Any]:
            place = Path(folder) / cpu
            place.mkdir()
            return probe.facts(cpu, place)

        return dict(zip(CPUS, pool.map(run, CPUS), strict=True))


@pytest.mark.parametrize("cpu", CPUS)
def test_in_band_validation_is_truthful(cpu: str, told: dict[str, dict[str, Any]]) -> None:
    """Enabled, unsupported, hidden, or a guest: by registers where the kernel lets us read them."""
    state, source, outcome = CPUS[cpu]
    facts = told[cpu]["facts"]
    assert facts["cpu.virt.state"]["value"] == state, facts["cpu.virt.state"]
    assert source in (None, facts["cpu.virt.state"]["source"])
    book = FactBook()
    for name, item in facts.items():
        book.learn(name, item["value"], Source(item["source"]), item["path"])
    found = hwprofiles.judge(hwprofiles.load("xen-4.17"), book)
    assert {f.rule: str(f.outcome) for f in found}["cpu.virt"] == outcome


def test_the_probe_needs_no_more_than_python(told: dict[str, dict[str, Any]]) -> None:
    """A kernel, busybox and the standard library are enough for the facts that profiles ask."""
    assert {
        "cpu.flags",
        "cpu.level",
        "cpu.vendor",
        "cpu.virt.slat",
        "memory.dimms",
        "memory.total",
        "system.vendor",
    } <= set(told["max,-hypervisor"]["facts"])
