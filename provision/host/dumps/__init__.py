"""Recorded machines: one file per format, each known by what is in it, never by its name.

A reader is a module with

``NAME``
    what the recording is called in a message, with the command that makes it;
``recognises(head)``
    whether it begins like one; ``head`` is at most ``text.HEAD`` bytes, so this costs little;
``tell(data, facts, where)``
    what it says. ``where`` is the name of the file, for the evidence. It raises ``DumpDamaged``
    when the recording lacks what every whole one has; what it merely does not say is not told.

Text reaches a reader as UTF-8 with bare line feeds (see ``text.normalised``), binary data as it is.
A new format is one file here and its line in ``READERS``. Stdlib only.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from hwprofiles.deriving import complete
from hwprofiles.facts import FactBook
from provision.host.dumps import (
    acpi,
    cardiff,
    cpuinfo,
    dmidecode,
    libvirt,
    lscpu,
    registers,
    smbios,
)
from provision.host.dumps.text import HEAD, is_text, normalised
from provision.host.errors import DumpDamaged, DumpUnknown

#: No recording of one machine is larger; the longest seen, an acpidump, has 6 MB.
LIMIT: Final = 64 << 20


class Reader(Protocol):
    """What a module of this package offers; see above."""

    @property
    def NAME(self) -> str:
        """What the recording is called in a message."""

    def recognises(self, head: bytes, /) -> bool:
        """Tell whether a file that begins with ``head`` is one."""

    def tell(self, data: bytes, facts: FactBook, where: str, /) -> None:
        """Tell what it says."""


#: In the order they are asked: those with a mark of their own first.
READERS: Final[tuple[Reader, ...]] = (
    dmidecode,
    libvirt,
    lscpu,
    cpuinfo,
    registers,
    smbios,
    acpi,
    cardiff,
)

_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
#: What people give instead: how to know it, and what to record in its place.
_ALMOST: Final = (
    (rb"version information \(1/eax\):", "That is cpuid's own decoding: record cpuid -r."),
    (
        rb"^[^:\n]{3,40}:[ \t]+(x86_64|i686)\n",
        "That may be lscpu in another language: record LC_ALL=C lscpu.",
    ),
    (
        rb"^cpuid:|^[^\n]{0,200}(Permission denied|command not found)",
        "The tool failed; read its message.",
    ),
)


def read(data: bytes, name: str) -> FactBook:
    """Return what the recording ``data`` tells of its machine; ``name`` is only for messages.

    Raises ``DumpUnknown`` for what is no recording we know, ``DumpDamaged`` for one that is of a
    known kind and of no use.
    """
    reader, data = _reader(data, name)
    facts = FactBook()
    reader.tell(data, facts, name)
    if not facts:
        raise DumpDamaged(f"{name} looks like {reader.NAME}, but nothing in it tells of a machine.")
    complete(facts)
    return facts


def _reader(data: bytes, name: str) -> tuple[Reader, bytes]:
    """Return who reads ``data``, and ``data`` as it wants it."""
    if not data.strip(b" \t\r\n\0"):
        raise DumpUnknown(f"{name} is empty.", hint=_expected())
    if len(data) > LIMIT:
        raise DumpUnknown(
            f"{name} is larger than {LIMIT >> 20} MiB; no recording of a machine is.",
            hint=_expected(),
        )
    packed = next((word for magic, word in _COMPRESSED.items() if data.startswith(magic)), None)
    if packed:
        raise DumpUnknown(
            f"{name} is compressed ({packed}).", hint="Unpack it first, then give what was in it."
        )
    data = normalised(data)
    head = data[:HEAD]
    for reader in READERS:
        if reader.recognises(head):
            return reader, data
    what = "text" if is_text(data) else "binary data"
    advice = next((words for mark, words in _ALMOST if re.search(mark, head)), _expected())
    raise DumpUnknown(f"{name} is {what}, but no recording we know.", hint=advice)


def _expected() -> str:
    return "Expected one of: " + "; ".join(reader.NAME for reader in READERS) + "."
