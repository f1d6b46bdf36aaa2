"""How long it takes to judge one machine, and to read the profiles for it: ``make bench``."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import hwprofiles
from hwprofiles.facts import FactBook, Row, Source, Value, as_dict

_PROFILE = "esxi-8.0"
_GIB = 1 << 30
_COLD = f"""
import time
import hwprofiles, hwprofiles.loading, hwprofiles.shelf
from tests.bench.judging import server
facts = server()
began = time.process_time()
hwprofiles.load({_PROFILE!r})
loaded = time.process_time()
hwprofiles.match(facts)
print(loaded - began, time.process_time() - loaded)
"""


def server() -> FactBook:
    """A server whose 32 modules, four ports and two drives are all told."""
    dimms: tuple[Row, ...] = tuple(
        {"slot": f"{bank}{at}", "size": 32 * _GIB, "rank": 2, "speed": 3200, "type": "DDR4"}
        for bank in "AB"
        for at in range(1, 17)
    )
    told: dict[str, Value] = {
        "system.vendor": "Dell Inc.",
        "system.model": "PowerEdge R650",
        "firmware.boot_mode": "uefi",
        "firmware.secure_boot": "disabled",
        "tpm.version": "2.0",
        "cpu.vendor": "GenuineIntel",
        "cpu.family": 6,
        "cpu.model": 0x6A,
        "cpu.stepping": 6,
        "cpu.sockets": 2,
        "cpu.sockets_populated": 2,
        "cpu.cores": 48,
        "cpu.threads": 96,
        "cpu.flags": ("aes", "ept", "lahf_lm", "lm", "nx", "vmx", "xsave"),
        "cpu.nx": "enabled",
        "cpu.xsave": True,
        "cpu.virt.state": "enabled",
        "cpu.virt.slat": True,
        "memory.total": 1024 * _GIB,
        "memory.slots": 32,
        "memory.dimms_populated": 32,
        "memory.ecc": "multi-bit",
        "memory.dimms": dimms,
        "iommu.state": "enabled",
        "ports.internal": ("Internal USB port 1",),
        "boot.device.bus": "nvme",
        "boot.device.size": 480 * 10**9,
        "storage.largest": 1920 * 10**9,
        "nics.count": 4,
        "nics.fastest": 25 * 10**9,
    }
    facts = FactBook()
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "bench")
    return facts


def milliseconds(work: Callable[[], object], rounds: int = 200) -> float:
    """Median of the CPU's own milliseconds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time_ns()
        work()
        taken.append(time.process_time_ns() - began)
    return statistics.median(taken) / 1e6


def cold(rounds: int = 5) -> tuple[float, float]:
    """Medians, in a process that has read nothing: the profile, and which model it is."""
    runs = [
        subprocess.run([sys.executable, "-c", _COLD], capture_output=True, text=True, check=True)
        for _ in range(rounds)
    ]
    pairs = [tuple(map(float, run.stdout.split())) for run in runs]
    load, match = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    return load, match


def main() -> None:
    """Print what one verdict costs, beside writing the same facts as JSON."""
    facts = server()
    profile, model = hwprofiles.load(_PROFILE), hwprofiles.match(facts)
    if model is None:
        raise LookupError("the bench's server is not known any more")
    rules = len(profile.rules) + len(model.rules)
    verdict = milliseconds(lambda: hwprofiles.judge(profile, facts, model))
    written = milliseconds(lambda: json.dumps(as_dict(facts)))
    sys.stdout.write(
        f"judging: {rules} rules of {profile.id} and {model.id} in {verdict:.2f} ms "
        f"(bar: 5 ms), {verdict / written:.1f} times the facts as JSON\n"
    )
    load, match = cold()
    count = len(hwprofiles.names(hwprofiles.ProfileKind.SERVER))
    sys.stdout.write(
        f"loading: {profile.id} {load:.0f} ms, finding one of {count} server models and loading it "
        f"{match:.0f} ms (bar: 300 ms together)\n"
    )


if __name__ == "__main__":
    main()
