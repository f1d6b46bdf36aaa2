"""How many recorded Redfish trees are read and judged in a second, by one process.

`python -m tests.bench.trees` reads every recording that is there, in turn: JSON, facts, and a full
profile. The files lie in memory. Without recordings there is nothing to measure.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import hwprofiles
from hwprofiles import Profile
from provision.bmc import recorded
from tests.corpus.conftest import DATA


async def judge(data: bytes, name: str, profile: Profile) -> int:
    """Read one recording and judge its systems; return how many there were."""
    systems = await recorded.read(recorded.parse(data, name), name)
    for system in systems:
        hwprofiles.judge(profile, system.facts)
    return len(systems)


async def measure(trees: int) -> tuple[list[float], float, int]:
    """Return what ``trees`` recordings took, each in seconds, all in seconds of the CPU, and bytes.

    On a machine with other work to do, the CPU's own seconds are the ones that tell.
    """
    files = [(path.name, path.read_bytes()) for path in sorted((DATA / "redfish").glob("*.json"))]
    profile = hwprofiles.load("esxi-8.0")
    seconds, size, cpu = [], 0, time.process_time()
    for number in range(trees if files else 0):
        name, data = files[number % len(files)]
        began = time.perf_counter()
        await judge(data, name, profile)
        seconds.append(time.perf_counter() - began)
        size += len(data)
    return seconds, time.process_time() - cpu, size


def main(trees: int = 300) -> None:
    """Print the figure."""
    asyncio.run(measure(20))  # the first ones load profiles and platforms
    seconds, cpu, size = asyncio.run(measure(trees))
    if not seconds:
        sys.stdout.write("recorded trees: none are there to measure\n")
        return
    sys.stdout.write(
        f"recorded trees: {len(seconds) / sum(seconds):.0f} judged a second (bar: 50), "
        f"{len(seconds) / cpu:.0f} a second of CPU time, "
        f"{statistics.median(seconds) * 1000:.1f} ms in the median, "
        f"{size / len(seconds) / 1e6:.2f} MB each, {len(seconds)} trees\n"
    )


if __name__ == "__main__":
    main()
