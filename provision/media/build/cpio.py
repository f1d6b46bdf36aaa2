"""An initramfs as a cpio archive ("newc"): the same tree always gives the same bytes."""

from __future__ import annotations

import lzma
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(kw_only=True)
class Tree:
    """Files of a root file system, kept in memory: path without leading slash -> content.

    Everything belongs to root and has no date. Device nodes are left to devtmpfs; the kernel
    brings the one ``/dev/console`` it needs before.
    """

    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def add(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file at ``path``."""
        self.files[path] = (stat.S_IFREG | mode, content)

    def link(self, path: str, to: str) -> None:
        """Put a symbolic link at ``path``."""
        self.files[path] = (stat.S_IFLNK | 0o777, to.encode())

    def folder(self, path: str) -> None:
        """Put an empty folder at ``path``; folders of files come by themselves."""
        self.files[path] = (stat.S_IFDIR | 0o755, b"")

    def archive(self) -> bytes:
        """Return the tree as a cpio archive, sorted by path."""
        entries = dict(self.files)
        for path in self.files:
            for parent in PurePosixPath(path).parents:
                if str(parent) != ".":
                    entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b""))
        parts = [
            _entry(path, number, *entries[path])
            for number, path in enumerate(sorted(entries), start=1)
        ]
        return b"".join([*parts, _entry("TRAILER!!!", 0, 0, b"")])


def _entry(path: str, number: int, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # inode, mode, uid, gid, links, mtime, size, device (2), rdevice (2), name length, checksum
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + name
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def compress(data: bytes) -> bytes:
    """Return ``data`` as the .xz the kernel unpacks: CRC32, x86 filter, one block, one thread."""
    dictionary = 1 << max(20, len(data).bit_length())
    filters = [
        {"id": lzma.FILTER_X86},
        {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": min(dictionary, 1 << 26)},
    ]
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=filters)
