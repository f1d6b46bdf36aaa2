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


async def measure(trees: int) -> tuple[list[float], int]:
    """Return the seconds that each of ``trees`` recordings took, and the bytes of all of them."""
    files = [(path.name, path.read_bytes()) for path in sorted((DATA / "redfish").glob("*.json"))]
    profile = hwprofiles.load("esxi-8.0")
    seconds, size = [], 0
    for number in range(trees if files else 0):
        name, data = files[number % len(files)]
        began = time.perf_counter()
        await judge(data, name, profile)
        seconds.append(time.perf_counter() - began)
        size += len(data)
    return seconds, size


def main(trees: int = 300) -> None:
    """Print the figure."""
    asyncio.run(measure(20))  # the first ones load profiles and platforms
    seconds, size = asyncio.run(measure(trees))
    if not seconds:
        sys.stdout.write("recorded trees: none are there to measure\n")
        return
    sys.stdout.write(
        f"recorded trees: {len(seconds) / sum(seconds):.0f} judged a second (bar: 50), "
        f"{statistics.median(seconds) * 1000:.1f} ms in the median, "
        f"{size / len(seconds) / 1e6:.2f} MB each, {len(seconds)} trees\n"
    )


if __name__ == "__main__":
    main()
