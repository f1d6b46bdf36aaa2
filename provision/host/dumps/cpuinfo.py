"""/proc/cpuinfo, as a machine's kernel printed it."""

from __future__ import annotations

import re
from typing import Final

from hwprofiles.facts import FactBook
from provision.host import processors
from provision.host.dumps.text import whole_lines
from provision.host.errors import DumpDamaged

NAME: Final = "/proc/cpuinfo (cat /proc/cpuinfo)"

_FIRST: Final = re.compile(rb"^processor[ \t]*:[ \t]*[0-9]{1,9}[ \t]*$", re.M)


def recognises(head: bytes) -> bool:
    """Tell whether a line numbers a processor."""
    return bool(_FIRST.search(head))


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the processors are."""
    processors.tell_text(whole_lines(data), facts, where)
    if not facts:
        raise DumpDamaged(f"{where} looks like /proc/cpuinfo, and names no processor.")
