"""The initramfs: what goes in comes out, always in the same bytes."""

from __future__ import annotations

import lzma
import shutil
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.media.build.cpio import Tree, compress


def read(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a newc archive by its specification: path -> mode, content."""
    entries: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, uid, gid, _links, mtime, size, name_size = *fields[1:7], fields[11]
        assert (uid, gid, mtime) == (0, 0, 0)
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start = at + (110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return entries
        entries[name] = (mode, archive[start : start + size])
        at = start + (size + 3) // 4 * 4


paths = st.lists(
    st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3}){0,2}", fullmatch=True), unique=True, max_size=6
).filter(lambda names: not any(a != b and b.startswith(a + "/") for a in names for b in names))


@given(names=paths, content=st.binary(max_size=64))
def test_what_goes_in_comes_out(names: list[str], content: bytes) -> None:
    """Files keep content and mode, and every folder above them is there before them."""
    tree = Tree()
    for name in names:
        tree.add(name, content, 0o755)
    entries = read(tree.archive())
    assert {name: entries[name] for name in names} == {
        name: (stat.S_IFREG | 0o755, content) for name in names
    }
    order = list(entries)
    for name in names:
        for folder in (name[:i] for i, char in enumerate(name) if char == "/"):
            assert stat.S_ISDIR(entries[folder][0])
            assert order.index(folder) < order.index(name)


def test_the_order_of_adding_leaves_no_trace() -> None:
    """The same tree gives the same bytes, however it was put together."""
    one, other = Tree(), Tree()
    one.add("a", b"1")
    one.link("b", "a")
    other.link("b", "a")
    other.add("a", b"1")
    assert compress(one.archive()) == compress(other.archive())


@pytest.mark.skipif(not shutil.which("cpio"), reason="no cpio here to compare with")
def test_cpio_reads_it() -> None:
    """The archive is one that the program of that name understands."""
    tree = Tree()
    tree.add("sbin/init", b"#!/bin/sh\n", 0o755)
    tree.link("init", "sbin/init")
    done = subprocess.run(
        ["cpio", "-t", "--quiet"], input=tree.archive(), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["init", "sbin", "sbin/init"]


def test_the_kernel_can_unpack_it() -> None:
    """The kernel's xz knows CRC32 and no other check; the stream must use it."""
    packed = compress(b"x" * 100_000)
    assert packed[:8] == b"\xfd7zXZ\0\0\x01"
    assert lzma.decompress(packed) == b"x" * 100_000
