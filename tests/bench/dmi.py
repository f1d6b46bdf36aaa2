"""How long 2,000 dmidecode texts take on one core, from bytes to facts: `make bench`."""

from __future__ import annotations

import logging
import sys
import time
from itertools import cycle, islice
from pathlib import Path

from provision.host import dumps
from tests.corpus.conftest import DATA
from tests.host.test_dmi_text import TEXT

COUNT = 2_000


def texts(folder: Path) -> list[bytes]:
    """The recorded texts; where there are none, an own one of a server with 48 slots."""
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    if found:
        return found
    head, _, slot = TEXT.partition("Handle 0x1101")
    slot, _, tail = slot.partition("Handle 0x2B00")
    slots = "".join(f"Handle 0x{number:04X}{slot}" for number in range(0x1200, 0x1230))
    tail = "Handle 0x2B00" + tail
    return [(head + slots + tail).encode()]


def main(count: int = COUNT) -> None:
    """Print the seconds of processor time, and what was read."""
    logging.getLogger("provision.host").setLevel(logging.ERROR)
    known = texts(DATA / "hardware" / "linuxhw-dmi" / "Server")
    work = list(islice(cycle(known), count))
    began = time.process_time()
    told = sum(len(dumps.read(data, "x")) for data in work)
    spent = time.process_time() - began
    size = sum(map(len, work)) / 1e6
    sys.stdout.write(
        f"dmidecode: {count} texts ({len(known)} different, {size:.0f} MB) in {spent:.1f} s of one "
        f"core (bar: 60 s), {told} facts\n"
    )


if __name__ == "__main__":
    main()
