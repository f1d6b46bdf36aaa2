"""Reads FAT and ISO 9660 just far enough to say what boots from them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from provision.core.text import clean
from provision.media.partitions import Read

#: A directory longer than this many clusters, or of this many bytes, is not read further.
MAX_CLUSTERS = 64
MAX_BYTES = 256 << 10
#: More entries than this are not looked at, in all the directories of a file system together.
MAX_ENTRIES = 16384
#: Directories of a FAT that say what boots, and for whom.
TELLING = {"EFI", "EFI/BOOT", "BOOT", "XEN"}


@dataclass(frozen=True, kw_only=True)
class Fat:
    """A FAT file system: its label and the files in the directories that matter."""

    label: str
    paths: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Iso:
    """An ISO 9660 file system: its volume label and whom its El Torito catalog boots."""

    label: str
    el_torito: frozenset[str]


def read_fat(read: Read, start: int) -> Fat | None:
    """Return what the FAT file system at byte ``start`` holds; None when there is none."""
    boot = read(start, 512)
    if len(boot) < 512 or boot[510:] != b"\x55\xaa" or boot[0] not in (0xEB, 0xE9):
        return None
    sector, per_cluster, copies = struct.unpack("<HBxxB", boot[11:17])
    plausible = sector in (512, 1024, 2048, 4096) and per_cluster and copies in (1, 2)
    if not plausible or per_cluster & (per_cluster - 1):
        return None
    return _FatVolume(read, start, boot).summary()


class _FatVolume:
    """The geometry of one FAT file system, and its directories."""

    def __init__(self, read: Read, start: int, boot: bytes) -> None:
        self._read = read
        sector, per_cluster, reserved, copies, entries, small, _, short = struct.unpack(
            "<HBHBHHBH", boot[11:24]
        )
        sectors = small or struct.unpack("<I", boot[32:36])[0]
        wide = short == 0
        per_table = struct.unpack("<I", boot[36:40])[0] if wide else short
        self._cluster = per_cluster * sector
        self._table = start + reserved * sector
        self._root = self._table + copies * per_table * sector
        self._root_bytes = min(entries * 32, MAX_BYTES)
        self._data = self._root + entries * 32
        self._root_cluster = struct.unpack("<I", boot[44:48])[0] if wide else 0
        clusters = (sectors - (self._data - start) // sector) // per_cluster
        self._bits = 32 if wide else 12 if clusters < 4085 else 16
        self._left = MAX_ENTRIES

    def summary(self) -> Fat:
        """Read the label and the directories that say what boots."""
        label, paths = "", set()
        queue = [("", self._root_cluster)]
        while queue:
            folder, cluster = queue.pop()
            for entry in self._entries(cluster, root=not folder):
                attributes, name = entry[11], _short_name(entry)
                if attributes & 0x08:
                    label = label or ("" if folder else name.replace(".", ""))
                    continue
                path = f"{folder}/{name}" if folder else name
                fresh = path not in paths
                paths.add(path)
                # A name that is there a thousand times is one, and is read once.
                if fresh and attributes & 0x10 and path in TELLING:
                    high, low = struct.unpack("<H4xH", entry[20:28])
                    queue.append((path, high << 16 | low))
        return Fat(label=clean(label, 11), paths=frozenset(paths))

    def _entries(self, cluster: int, *, root: bool) -> Iterator[bytes]:
        if root and not self._root_cluster:
            data = self._read(self._root, self._root_bytes)
        else:
            data = b"".join(self._chain(cluster))
        for at in range(0, len(data) - 31, 32):
            entry = data[at : at + 32]
            if entry[0] == 0 or self._left <= 0:
                return
            self._left -= 1
            # 0xE5: deleted; 0x0F: a piece of a long name, whose short one follows; ".": itself.
            if entry[0] not in (0xE5, 0x2E) and entry[11] & 0x3F != 0x0F:
                yield entry

    def _chain(self, cluster: int) -> Iterator[bytes]:
        total, seen = 0, set()
        for _ in range(MAX_CLUSTERS):
            if (
                cluster < 2
                or cluster in seen
                or cluster >= (0x0FFFFFF8, 0xFFF8, 0xFF8)[(32, 16, 12).index(self._bits)]
            ):
                return
            data = self._read(self._data + (cluster - 2) * self._cluster, self._cluster)
            total += len(data)
            if not data or total > MAX_BYTES:
                return
            yield data
            seen.add(cluster)
            cluster = self._next(cluster)

    def _next(self, cluster: int) -> int:
        if self._bits == 12:
            pair = int.from_bytes(self._read(self._table + cluster * 3 // 2, 2), "little")
            return pair >> 4 if cluster & 1 else pair & 0xFFF
        width = self._bits // 8
        word = int.from_bytes(self._read(self._table + cluster * width, width), "little")
        return word & 0x0FFFFFFF


def read_iso(read: Read) -> Iso | None:
    """Return the label and the boot catalog of an ISO 9660 file system; None when there is none."""
    first = read(16 * 2048, 2048)
    if len(first) < 2048 or first[:6] != b"\x01CD001":
        return None
    label = first[40:72].decode("ascii", "replace").strip()
    boots: set[str] = set()
    for sector in range(17, 32):
        descriptor = read(sector * 2048, 2048)
        if descriptor[1:6] != b"CD001" or descriptor[0] == 255:
            break
        if descriptor[0] == 0 and descriptor[7:30] == b"EL TORITO SPECIFICATION":
            (catalog,) = struct.unpack("<I", descriptor[71:75])
            boots |= set(_catalog(read(catalog * 2048, 2048)))
    return Iso(label=clean(label, 32), el_torito=frozenset(boots))


def _catalog(data: bytes) -> Iterator[str]:
    """Yield ``bios`` and ``uefi`` for the bootable entries of an El Torito catalog."""
    if len(data) < 64 or data[0] != 1 or data[30:32] != b"\x55\xaa":
        return
    names = {0: "bios", 0xEF: "uefi"}
    platform = data[1]
    if data[32] == 0x88 and platform in names:
        yield names[platform]
    for at in range(64, len(data) - 31, 32):
        kind = data[at]
        if kind in (0x90, 0x91):
            platform = data[at + 1]
        elif kind == 0x88 and platform in names:
            yield names[platform]
        elif kind not in (0x88, 0x44):
            return


def _short_name(entry: bytes) -> str:
    stem = entry[:8].decode("ascii", "replace").rstrip()
    suffix = entry[8:11].decode("ascii", "replace").rstrip()
    return f"{stem}.{suffix}" if suffix else stem
