"""How long `provision --help` takes, beside a Python that does nothing: `make bench`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(command: list[str]) -> float:
    """Wall seconds of one run of ``command``."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main(rounds: int = 15) -> None:
    """Print medians of both, measured in turns, and their ratio."""
    bare = [sys.executable, "-c", "pass"]
    full = [sys.executable, "-m", "provision", "--help"]
    seconds(full)  # the first run compiles
    pairs = [(seconds(bare), seconds(full)) for _ in range(rounds)]
    nothing, help_ = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    sys.stdout.write(
        f"start-up: python {nothing:.0f} ms, provision --help {help_:.0f} ms "
        f"(bar: 100 ms), ratio {ratio:.2f}, median of {rounds} pairs\n"
    )


if __name__ == "__main__":
    main()
