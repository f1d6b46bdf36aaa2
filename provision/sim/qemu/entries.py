"""Boot entries of UEFI: load options, and their device paths in words."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_ACTIVE, _HIDDEN, _CATEGORY = 0x1, 0x8, 0x1F00
_END: Final = 0x7F
_PNP0A03: Final = 0x0A0341D0  # a PCI root, as ACPI compresses its id


@dataclass(frozen=True, kw_only=True)
class Entry:
    """EFI_LOAD_OPTION (UEFI 2.10, 3.1.3): ``listed`` ones are tried in the boot order."""

    title: str
    path: str
    listed: bool


def entry(data: bytes) -> Entry | None:
    """Return what a Boot#### variable says, or None where it is no load option."""
    if len(data) < 6:
        return None
    attributes, length = struct.unpack_from("<LH", data)
    end = 6
    while data[end : end + 2] not in (b"\0\0", b""):
        end += 2
    path = data[end + 2 : end + 2 + length]
    return Entry(
        title=data[6:end].decode("utf-16-le", "replace").strip(),
        path=in_words(path),
        listed=bool(attributes & _ACTIVE) and not attributes & (_HIDDEN | _CATEGORY),
    )


def in_words(path: bytes) -> str:
    """Return a binary device path as UEFI writes it (2.10, 10.6)."""
    return "/".join(_node(kind, subtype, data) for kind, subtype, data in _nodes(path))


def _nodes(path: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(path):
        kind, subtype, length = struct.unpack_from("<BBH", path, at)
        if kind == _END or length < 4:
            return
        yield kind, subtype, path[at + 4 : at + length]
        at += length


def _node(kind: int, subtype: int, data: bytes) -> str:
    known = _WORDS.get((kind, subtype))
    try:
        words = known(data) if known else None
    except (struct.error, ValueError):
        words = None
    return words or f"Path({kind},{subtype},{data.hex().upper()})"


def _numbers(name: str, form: str, *, swapped: bool = False) -> Callable[[bytes], str]:
    """Return what writes a node that is a few numbers."""

    def words(data: bytes) -> str:
        numbers = struct.unpack_from("<" + form, data)
        shown = [f"0x{number:X}" for number in (reversed(numbers) if swapped else numbers)]
        return f"{name}({','.join(shown)})"

    return words


def _guid(name: str) -> Callable[[bytes], str]:
    return lambda data: f"{name}({str(UUID(bytes_le=data[:16])).upper()})"


def _acpi(data: bytes) -> str | None:
    hid, uid = struct.unpack_from("<LL", data)
    return f"PciRoot(0x{uid:X})" if hid == _PNP0A03 else None


def _partition(data: bytes) -> str | None:
    number, start, size = struct.unpack_from("<LQQ", data)
    if len(data) < 38 or data[37] != 2:
        return None
    guid = str(UUID(bytes_le=data[20:36])).upper()
    return f"HD({number},GPT,{guid},0x{start:X},0x{size:X})"


#: By type and subtype (UEFI 2.10, 10.3): how a node is written.
_WORDS: Final[Mapping[tuple[int, int], Callable[[bytes], str | None]]] = {
    (1, 1): _numbers("Pci", "BB", swapped=True),  # stored as function, device
    (2, 1): _acpi,
    (3, 2): _numbers("Scsi", "HH"),
    (3, 5): _numbers("USB", "BB"),
    (3, 18): _numbers("Sata", "HHH"),
    (4, 1): _partition,
    (4, 4): lambda data: data.decode("utf-16-le").rstrip("\0"),
    (4, 6): _guid("FvFile"),
    (4, 7): _guid("Fv"),
}
