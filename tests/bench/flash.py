"""Flash and verify, beside `dd oflag=direct` followed by `cmp`, in the same run.

`python -m tests.bench.flash` (root, for loop devices) prints the medians of several pairs. The
image is 1 GiB, half of it zeros; image and targets lie in memory, so that the method is measured
and not a disk. Nothing here judges: a busy machine makes any single figure worthless.

Like is compared with like: `--unverified` with dd and cmp, which check no digest; a checked sha256
with `sha256sum` before them; and both on a stick full of old data, where zeros must be written too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provision.core.events import Event, Phase
from provision.flow.flash import Request, flash
from provision.media.targets import Policy
from tests.media.loops import loop
from tests.media.samples import MIB, stick

#: What is on the stick beforehand, and what is done to it; that returns when it was done.
Way = tuple[bytes, Callable[[Path, Path], float]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way of writing and verifying: its seconds, and how many times as fast as its peer."""

    name: str
    seconds: tuple[float, ...]
    ratio: float

    def line(self) -> str:
        """Return the row as the table prints it."""
        runs = " ".join(f"{each:.2f}" for each in self.seconds)
        median = statistics.median(self.seconds)
        return f"{self.name:34} {median:6.2f} s   {self.ratio:5.2f}x   ({runs})"


def half_empty(path: Path, size: int) -> str:
    """Make an image of ``size`` bytes, half of it zeros in runs of 64 KiB to 16 MiB."""
    chance, digest = random.Random(7), hashlib.sha256()  # noqa: S311 - the same image every time
    full = empty = 0
    with path.open("wb") as file:
        while file.tell() < size:
            length = min((64 << 10) << chance.randrange(9), size - file.tell())
            if full <= empty:
                piece, full = os.urandom(length), full + length
            else:
                piece, empty = bytes(length), empty + length
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def dd_and_cmp(image: Path, device: Path) -> float:
    """What a careful person types; return when it was done."""
    words = [f"if={image}", f"of={device}", "bs=4M", "oflag=direct", "status=none"]
    subprocess.run(["dd", *words], check=True)
    subprocess.run(["cmp", "-n", str(image.stat().st_size), image, device], check=True)
    return time.monotonic()


def sum_dd_and_cmp(image: Path, device: Path) -> float:
    """What a careful person types who has the image's digest."""
    subprocess.run(["sha256sum", image], check=True, stdout=subprocess.DEVNULL)
    return dd_and_cmp(image, device)


def ours(image: Path, device: Path, sha256: str | None) -> float:
    """What `provision flash` does; return when the verdict was there, which is what a user waits
    for: a digest that nobody expects is finished for the record afterwards."""
    verdicts: list[float] = []

    def observe(event: Event) -> None:
        if event.step == "flash" and event.phase is Phase.END:
            verdicts.append(time.monotonic())

    request = Request(
        image=image,
        targets=(device,),
        sha256=sha256,
        unverified=sha256 is None,
        anyway=True,  # random content is no disk image
        policy=Policy(allow_loop=True),
    )
    report = flash(request, observer=observe)
    if report.status:
        raise SystemExit(f"flash failed: {report.outcomes[0].error}")
    return verdicts[0]


def measure(size: int, pairs: int, folder: Path) -> list[Row]:
    """Run all ways in turn, ``pairs`` times."""
    image, backing = folder / "image", folder / "stick"
    digest = half_empty(image, size)
    os.environ["PROVISION_STATE_DIR"] = str(folder / "state")
    blank, dirty = b"", random.Random(8).randbytes(MIB)  # noqa: S311 - any old data
    ways: dict[str, Way] = {
        "dd oflag=direct + cmp": (blank, dd_and_cmp),
        "flash, no digest": (blank, lambda image, device: ours(image, device, None)),
        "sha256sum + dd + cmp": (blank, sum_dd_and_cmp),
        "flash, sha256 checked": (blank, lambda image, device: ours(image, device, digest)),
        "dd + cmp, old data": (dirty, dd_and_cmp),
        "flash, no digest, old data": (dirty, lambda image, device: ours(image, device, None)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(pairs):
        for name, (fill, way) in ways.items():
            stick(backing, size, fill)
            with loop(backing) as device:
                began = time.monotonic()
                seconds[name].append(way(image, device) - began)
            subprocess.run(["cmp", image, backing], check=True)
    names = list(ways)
    peers = {name: names[at // 2 * 2] for at, name in enumerate(names)}
    return [
        Row(
            name=name,
            seconds=tuple(seconds[name]),
            ratio=statistics.median(
                peer / own for peer, own in zip(seconds[peers[name]], seconds[name], strict=True)
            ),
        )
        for name in names
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        rows = measure(options.size_mib * MIB, options.pairs, Path(folder))
    print(f"flash + verify, {options.size_mib} MiB, half zeros, {options.pairs} runs in turn;")  # noqa: T201
    print("median, and how many times as fast as the line above it (median of the rounds):")  # noqa: T201
    for row in rows:
        print("  " + row.line())  # noqa: T201


if __name__ == "__main__":
    main()
