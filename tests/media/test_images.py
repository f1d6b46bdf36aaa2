"""Images open by content, come out whole, and are refused when they are not what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.core.errors import ImageError, MissingTool, PermissionMissing
from provision.media.errors import ImageDamaged
from provision.media.images import Format, Image, open_image
from tests.media.samples import MIB, content, packed

KINDS = ["raw", "gz", "xz", "zst"]
PACKED = KINDS[1:]


def unpack(image: Image) -> bytes:
    """All of an image's content."""
    return b"".join(image.pieces())


def saved(folder: Path, data: bytes) -> Path:
    """``data`` in a file whose name says nothing of it."""
    path = folder / "image.bin"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_comes_out_whole(tmp_path: Path, kind: str) -> None:
    """Told by its first bytes, unpacked, and hashed as it lies."""
    data = content(3 * MIB + 77)
    stored = packed(data, kind)
    with open_image(saved(tmp_path, stored)) as image:
        assert image.format is Format(kind)
        assert unpack(image) == data
        stream = image.stream()
        while stream.readinto(memoryview(bytearray(MIB))):
            pass
        assert stream.stored_sha256() == hashlib.sha256(stored).hexdigest()


@pytest.mark.parametrize("kind", ["raw", "xz", "zst"])
def test_the_size_is_known_where_the_headers_say_it(tmp_path: Path, kind: str) -> None:
    """An image that is too large is refused before anything is written."""
    data = content(MIB + 5)
    with open_image(saved(tmp_path, packed(data, kind))) as image:
        assert image.size == len(data)
    with open_image(saved(tmp_path, packed(data, kind) * 2)) as image:
        assert image.size == (2 * len(data) if kind != "raw" else 2 * len(packed(data, kind)))


def test_the_size_of_streamed_files_is_unknown(tmp_path: Path) -> None:
    """gzip's own figure wraps at 4 GiB; a piped zstd has none."""
    data = content(MIB)
    piped = zstandard.ZstdCompressor().compressobj()
    for stored in (packed(data, "gz"), piped.compress(data) + piped.flush()):
        with open_image(saved(tmp_path, stored)) as image:
            assert image.size is None
            assert unpack(image) == data


@pytest.mark.parametrize("kind", PACKED)
def test_members_follow_one_another(tmp_path: Path, kind: str) -> None:
    """Several streams in one file are one image, as the tools make them."""
    one, two = content(MIB, seed=1), content(MIB, seed=2)
    with open_image(saved(tmp_path, packed(one, kind) + packed(two, kind))) as image:
        assert unpack(image) == one + two


@pytest.mark.parametrize("kind", PACKED)
def test_something_else_behind_it_is_noticed(tmp_path: Path, kind: str) -> None:
    """Whatever was appended was not meant to be dropped silently."""
    data = content(MIB)
    with (
        open_image(saved(tmp_path, packed(data, kind) + b"something else")) as image,
        pytest.raises(ImageDamaged),
    ):
        unpack(image)


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_zero_padding_is_allowed(tmp_path: Path, kind: str) -> None:
    """Files copied from tapes and partitions end in zeros."""
    data = content(MIB)
    with open_image(saved(tmp_path, packed(data, kind) + bytes(2 * MIB))) as image:
        assert unpack(image) == data


@pytest.mark.parametrize("kind", PACKED)
@settings(max_examples=12, deadline=None)
@given(fraction=st.floats(0.0, 0.9999))
def test_a_file_cut_short_is_damaged(
    tmp_path_factory: pytest.TempPathFactory, kind: str, fraction: float
) -> None:
    """An interrupted download never passes for an image."""
    stored = packed(content(MIB // 4), kind)
    cut = stored[: 8 + int((len(stored) - 8) * fraction)]
    with (
        open_image(saved(tmp_path_factory.mktemp("cut"), cut)) as image,
        pytest.raises(ImageDamaged),
    ):
        unpack(image)


@pytest.mark.parametrize("kind", PACKED)
@settings(max_examples=12, deadline=None)
@given(position=st.floats(0.1, 0.9), bit=st.integers(0, 7))
def test_a_flipped_bit_never_changes_the_content(
    tmp_path_factory: pytest.TempPathFactory, kind: str, position: float, bit: int
) -> None:
    """The formats' own checks are honoured: damaged, or not touched by the flip."""
    data = content(MIB // 4)
    stored = bytearray(packed(data, kind))
    if kind == "zst":  # as the command line tool does: with a checksum
        options = zstandard.ZstdCompressionParameters.from_level(1, write_checksum=1)
        stored = bytearray(zstandard.ZstdCompressor(compression_params=options).compress(data))
    stored[int(len(stored) * position)] ^= 1 << bit
    path = saved(tmp_path_factory.mktemp("bit"), bytes(stored))
    with open_image(path) as image, contextlib.suppress(ImageDamaged):
        assert unpack(image) == data


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 400_000), min_size=1, max_size=4),
    level=st.integers(1, 9),
    checksum=st.booleans(),
    feed=st.integers(1, 70_000),
)
def test_zstd_frames_are_followed_exactly(
    sizes: list[int], level: int, checksum: bool, feed: int
) -> None:
    """However the bytes arrive, complete means: at the end of a frame, and only there."""
    from provision.media.headers import ZstdFrames

    options = zstandard.ZstdCompressionParameters.from_level(level, write_checksum=checksum)
    frames = [
        zstandard.ZstdCompressor(compression_params=options).compress(content(size, seed=size))
        for size in sizes
    ]
    stored = b"".join(frames) + struct.pack("<II", 0x184D2A53, 5) + b"skip!"
    walker = ZstdFrames()
    for at in range(0, len(stored), feed):
        walker.feed(stored[at : at + feed])
        ends = at + feed >= len(stored)
        assert walker.complete or not ends
    assert walker.content == sum(sizes)
    walker.feed(frames[0][:-1])
    assert not walker.complete


def test_a_bomb_is_defused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred KiB that unpack to gigabytes of nothing are no hypervisor."""
    monkeypatch.setattr("provision.media.images.RATIO_FROM", 64 * MIB)
    stored = zstandard.ZstdCompressor(level=3).compress(bytes(512 * MIB))
    with (
        open_image(saved(tmp_path, stored)) as image,
        pytest.raises(ImageDamaged, match="became"),
    ):
        for _ in image.pieces():
            pass


def test_only_regular_files_are_images(tmp_path: Path) -> None:
    """A FIFO or a device would hang us, or never end."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero"), tmp_path, tmp_path / "missing"):
        with pytest.raises(ImageError):
            open_image(path)
    with pytest.raises(ImageDamaged, match="empty"):
        open_image(saved(tmp_path, b""))


@pytest.mark.parametrize(
    "head", [b"BZh9", b"PK\x03\x04", b"QFI\xfb", b"KDMV", b"vhdxfile", b"7z\xbc\xaf\x27\x1c"]
)
def test_containers_are_not_written_as_they_are(tmp_path: Path, head: bytes) -> None:
    """A qcow2 or a zip on a stick is rubbish: say what to do instead."""
    with pytest.raises(ImageError) as caught:
        open_image(saved(tmp_path, head.ljust(4096, b"\1")))
    assert "Unpack it first" in caught.value.hint


def test_a_file_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    """What was hashed is not what is there now."""
    path = saved(tmp_path, content(MIB))
    with open_image(path) as image:
        image.check_unchanged()
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ImageDamaged, match="changed"):
            image.check_unchanged()


def test_without_extras_the_standard_library_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a deploy ramdisk there is no isal, and a missing zstd is said plainly."""
    for name in ("isal", "zstandard", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    data = content(MIB)
    with open_image(saved(tmp_path, packed(data, "gz"))) as image:
        assert unpack(image) == data
    with (
        open_image(saved(tmp_path, packed(data, "zst"))) as image,
        pytest.raises(MissingTool),
    ):
        unpack(image)


def test_the_size_of_a_padded_xz_file(tmp_path: Path) -> None:
    """A little padding is allowed; 256 MiB of it are not searched."""
    stored = packed(content(MIB), "xz")
    with open_image(saved(tmp_path, stored + bytes(4096) + stored + bytes(8))) as image:
        assert image.size == 2 * MIB
    path = saved(tmp_path, stored)
    os.truncate(path, 256 * MIB)
    begun = time.process_time()
    with open_image(path) as image:
        assert image.size is None
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("kind", ["gz", "xz"])
@pytest.mark.parametrize("size", [1, 1000, 5000])
def test_many_members_come_out_whole(tmp_path: Path, kind: str, size: int) -> None:
    """Whatever their size is to that of our slices, with padding in between."""
    parts = [content(size + number, seed=number, zeros=0) for number in range(300)]
    stored = b"".join(
        packed(part, kind) + bytes(number % 3 * 4) for number, part in enumerate(parts)
    )
    with open_image(saved(tmp_path, stored)) as image:
        assert unpack(image) == b"".join(parts)


@pytest.mark.parametrize("kind", PACKED)
def test_countless_empty_members_are_refused_soon(tmp_path: Path, kind: str) -> None:
    """Work for hours in a file of a few MiB."""
    path = saved(tmp_path, packed(b"", kind) * 200_000)
    begun = time.process_time()
    with open_image(path) as image, pytest.raises(ImageDamaged, match="pieces"):
        unpack(image)
    assert time.process_time() - begun < 3


@pytest.mark.skipif(os.geteuid() != 0, reason="has to become somebody who may not read it")
def test_an_image_we_may_not_read_is_a_matter_of_permission(tmp_path: Path) -> None:
    """Exit status 7, and not that of a wrong command line or a damaged image."""
    path = saved(tmp_path, b"image")
    path.chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionMissing):
            open_image(path)
    finally:
        os.seteuid(0)
