"""/proc/cpuinfo, as a machine's kernel printed it."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from hwprofiles.facts import FactBook
from provision.host import processors
from provision.host.dumps.text import bounded, whole_lines
from provision.host.errors import DumpDamaged

NAME: Final = "/proc/cpuinfo (cat /proc/cpuinfo)"

#: Of 4,096 logical CPUs with every flag there is.
_LIMIT: Final = 8 << 20
_MOST: Final = 8192
_FIRST: Final = re.compile(rb"^processor[ \t]*:[ \t]*([0-9]{1,9})[ \t]*$", re.M)


def recognises(head: bytes) -> bool:
    """Tell whether a line numbers a processor."""
    return bool(_FIRST.search(head))


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the processors are."""
    bounded(data, _LIMIT, where, NAME)
    numbers = [int(found[1]) for found in islice(_FIRST.finditer(data), _MOST + 1)]
    if len(numbers) > _MOST or len(set(numbers)) < len(numbers):
        raise DumpDamaged(f"{where} lists a processor twice, or too many: it is not one machine's.")
    processors.tell_text(whole_lines(data), facts, where)
    if "cpu.vendor" not in facts:
        raise DumpDamaged(
            f"{where} looks like /proc/cpuinfo, and has no line 'vendor_id': it was cut, or comes "
            "from a machine that is not x86."
        )
