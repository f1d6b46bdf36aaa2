"""What the writer promises, on files: the same content, or nothing that boots."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.core.errors import Conflict
from provision.core.events import Event, Phase
from provision.media.device import Device
from provision.media.errors import (
    Cancelled,
    DigestMismatch,
    ImageDamaged,
    StateUnknown,
    TargetChanged,
    TargetFull,
    TargetLost,
    VerifyFailed,
    WriteFailed,
)
from provision.media.spool import describe
from provision.media.targets import examine
from tests.media.samples import MIB, content, packed, stick
from tests.media.writing import ALLOW, at, bootable, flash

SIZE = 12 * MIB


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A raw image of an odd size, half of it zeros."""
    path = tmp_path / "image"
    path.write_bytes(content(10 * MIB + 12345))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A stick full of an older image."""
    return stick(tmp_path / "stick", SIZE, fill=content(MIB, seed=9, zeros=0))


@settings(max_examples=25, deadline=None)
@given(
    blocks=st.lists(st.tuples(st.booleans(), st.integers(1, 40 * 4096)), min_size=1, max_size=60),
    room=st.integers(0, 3 * MIB),
    fill=st.sampled_from([b"", b"\xa5", b"\0" * 70_000 + b"\1"]),
    kind=st.sampled_from(["raw", "zst", "gz"]),
)
def test_any_image_arrives_whole(
    tmp_path_factory: pytest.TempPathFactory,
    blocks: list[tuple[bool, int]],
    room: int,
    fill: bytes,
    kind: str,
) -> None:
    """Whatever the zeros, the odd sizes, the room left and what was on the stick before."""
    folder = tmp_path_factory.mktemp("write")
    data = b"".join((b"\x5a" if full else b"\0") * size for full, size in blocks)
    image = folder / "image"
    image.write_bytes(packed(data, kind))
    target = stick(folder / "stick", len(data) + room, fill)
    report = flash(image, target)
    assert report.bytes == len(data)
    assert target.read_bytes()[: len(data)] == data


@settings(deadline=None)
@given(data=st.binary(max_size=5 * 65536), offset=st.integers(0, 1 << 40))
def test_runs_cover_all_that_is_not_zero(data: bytes, offset: int) -> None:
    """A run left out would be data lost: what lies outside all runs is zero."""
    extent = describe(offset, memoryview(data))
    rest = bytearray(data)
    for start, length in extent.runs:
        assert length > 0
        rest[start - offset : start - offset + length] = bytes(length)
    assert not any(rest)


@pytest.mark.parametrize("kind", ["raw", "gz", "xz", "zst"])
def test_old_data_is_replaced_by_the_images_zeros(tmp_path: Path, target: Path, kind: str) -> None:
    """Zeros of the image are data; a stick full of something else must not keep it."""
    data = content(6 * MIB + 12345)
    image = tmp_path / "packed"
    image.write_bytes(packed(data, kind))
    flash(image, target)
    assert target.read_bytes()[: len(data)] == data
    assert not any(target.read_bytes()[-MIB:])  # an old second partition table is gone


def test_zeros_are_not_written_to_a_blank_stick(tmp_path: Path, image: Path) -> None:
    """The half that is zero already costs one reading, and no writing."""
    report = flash(image, stick(tmp_path / "blank", SIZE))
    assert report.bytes_written < report.bytes * 0.8
    assert report.bytes_repaired == 0


def test_stale_zeros_are_found_and_repaired(tmp_path: Path) -> None:
    """Samples may miss old data; reading everything back does not."""
    data = content(40 * MIB, zeros=0.9, block=1 << 18)
    image = tmp_path / "image"
    image.write_bytes(data)
    target = stick(tmp_path / "stick", 40 * MIB)
    gap = data.index(bytes(MIB), 20 * MIB) + 300_000
    with target.open("r+b") as file:
        file.seek(gap)
        file.write(b"stale")
    told: list[Event] = []
    report = flash(image, target, told.append)
    assert report.bytes_repaired > 0
    assert [event.message for event in told if event.phase is Phase.NOTE]
    assert target.read_bytes() == data


def test_the_stick_does_not_boot_before_it_is_verified(image: Path, target: Path) -> None:
    """The head and the tail stay blank until everything else has been read back."""
    seen: list[bool] = []
    flash(image, target, at("verify", Phase.END, lambda: seen.append(bootable(target))))
    assert seen == [False]
    assert bootable(target)


def test_silent_corruption_is_found(image: Path, target: Path) -> None:
    """One flipped bit between writing and reading back: the offset is named, nothing boots."""
    data = image.read_bytes()
    where = next(i for i in range(6 * MIB, len(data)) if data[i])

    def corrupt() -> None:
        with target.open("r+b") as file:
            file.seek(where)
            file.write(bytes([data[where] ^ 1]))

    with pytest.raises(VerifyFailed, match=f"byte {where}"):
        flash(image, target, at("verify", Phase.START, corrupt))
    assert not bootable(target)


def test_corruption_of_the_withheld_head_is_found(image: Path, target: Path) -> None:
    """The head has to read back as blank, too: on a fake stick it would show what wrapped round."""

    def corrupt() -> None:
        with target.open("r+b") as file:
            file.seek(4096)
            file.write(b"wrapped")

    with pytest.raises(VerifyFailed, match="byte 4096"):
        flash(image, target, at("verify", Phase.START, corrupt))
    assert not bootable(target)


def test_a_wrong_digest_leaves_nothing_bootable(image: Path, target: Path) -> None:
    """The digest is checked before the head is written."""
    with pytest.raises(DigestMismatch):
        flash(image, target, sha256="0" * 64)
    assert not bootable(target)


@pytest.mark.parametrize("kind", ["gz", "xz", "zst"])
def test_a_truncated_image_leaves_nothing_bootable(tmp_path: Path, target: Path, kind: str) -> None:
    """Even when the digest is that of the truncated file."""
    stored = packed(content(10 * MIB), kind)
    image = tmp_path / "cut"
    image.write_bytes(stored[: len(stored) * 2 // 3])
    with pytest.raises(ImageDamaged):
        flash(image, target)
    assert not bootable(target)


def test_an_image_found_too_large_on_the_way(tmp_path: Path, target: Path) -> None:
    """gzip does not say its size; what turns out too large is wiped."""
    image = tmp_path / "large.gz"
    image.write_bytes(packed(content(SIZE + 1), "gz"))
    with pytest.raises(TargetFull):
        flash(image, target)
    assert not bootable(target)


def test_an_image_that_changes_meanwhile_is_not_certified(image: Path, target: Path) -> None:
    """Written over after it was hashed: what is on the stick then is not what was hashed."""
    data = image.read_bytes()
    where = next(i for i in range(6 * MIB, len(data)) if data[i])

    def change() -> None:
        for path in (image, target):
            with path.open("r+b") as file:
                file.seek(where)
                file.write(bytes([data[where] ^ 1]))

    with pytest.raises(ImageDamaged):
        flash(image, target, at("verify", Phase.START, change))
    assert not bootable(target)


def test_cancelling_leaves_nothing_bootable(image: Path, target: Path) -> None:
    """Ctrl-C in the middle."""
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        flash(image, target, at("verify", Phase.PROGRESS, cancel.set), cancel=cancel)
    assert not bootable(target)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse to write files beyond ``size``: a short write, then an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_short_writes_and_errors_name_the_place(tmp_path: Path, image: Path) -> None:
    """The kernel takes part of a chunk, then refuses: the offset is told."""
    target = stick(tmp_path / "odd", SIZE + 1)  # not a multiple of 4096: buffered writes
    limit = 6 * MIB + 4096
    with pytest.raises(WriteFailed, match="File too large"), file_size_limit(limit):
        flash(image, target)
    # The tail lies beyond the limit, so it could not be blanked; it was blank from the start.
    assert not bootable(target)


def test_a_target_swapped_before_it_is_opened_is_left_alone(
    tmp_path: Path, image: Path, target: Path
) -> None:
    """The path now names another file than the one that was confirmed."""
    confirmed = examine(target, policy=ALLOW)
    other = stick(tmp_path / "other", SIZE, fill=b"precious")
    other.replace(target)
    with pytest.raises(TargetChanged):
        Device.open(confirmed)
    assert target.read_bytes()[:8] == b"precious"


def test_two_writers_do_not_share_a_target(image: Path, target: Path) -> None:
    """The second finds it locked, and leaves it alone."""
    failures: list[Exception] = []

    def second() -> None:
        try:
            flash(image, target)
        except Conflict as error:
            failures.append(error)

    flash(image, target, at("verify", Phase.START, second))
    assert len(failures) == 1
    assert target.read_bytes()[: image.stat().st_size] == image.read_bytes()


def test_killed_in_the_middle_it_does_not_boot(tmp_path: Path, image: Path, target: Path) -> None:
    """SIGKILL leaves no time to clean up; the order of writing has to be enough."""
    code = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from provision.core.events import Phase\n"
        "from tests.media.writing import at, flash\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "flash(Path(sys.argv[1]), Path(sys.argv[2]), at(sys.argv[3], Phase(sys.argv[4]), die))\n"
    )
    for step, phase in (("write", "start"), ("write", "end"), ("verify", "end")):
        stick(target, SIZE, fill=b"\x55\xaaEFI PART")
        ran = subprocess.run(
            [sys.executable, "-c", code, image, target, step, phase],
            cwd=Path(__file__).parents[2],
            check=False,
        )
        assert ran.returncode == -signal.SIGKILL  # the fault did fire
        assert not bootable(target), f"after {step} {phase}"


def descriptors() -> list[str]:
    """What this process holds open."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_no_descriptor_is_left_open(image: Path, target: Path) -> None:
    """A leaked exclusive descriptor would make every later run fail."""
    before = descriptors()
    flash(image, target)
    with pytest.raises(DigestMismatch):
        flash(image, target, sha256="0" * 64)
    assert descriptors() == before


@pytest.mark.parametrize("size", [SIZE // 2, SIZE - 512, SIZE + 4096])
@pytest.mark.parametrize("when", [("verify", Phase.END), ("verify", Phase.START)])
def test_a_file_that_changes_its_size_is_blanked(
    image: Path, target: Path, size: int, when: tuple[str, Phase]
) -> None:
    """It is ours whatever its size: no verdict says "not bootable" of one that is."""
    with pytest.raises(WriteFailed):
        flash(image, target, at(*when, lambda: os.truncate(target, size)))
    assert not bootable(target)


def test_a_file_that_changes_its_size_at_the_end_is_blanked(
    image: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boot sector is on it already."""
    write = Device.write

    def and_truncate(device: Device, offset: int, data: memoryview) -> None:
        write(device, offset, data)
        if offset == 0 and any(data):
            os.truncate(target, SIZE + 4096)

    monkeypatch.setattr(Device, "write", and_truncate)
    with pytest.raises(TargetLost):
        flash(image, target)
    assert not bootable(target)


def test_what_cannot_be_blanked_is_not_called_blank(
    image: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boot sector is written, and then the device takes no more."""
    write = Device.write

    def once(device: Device, offset: int, data: memoryview) -> None:
        write(device, offset, data)
        if offset == 0 and any(data):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
            os.truncate(descriptor, SIZE - 4096)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    descriptor = os.open(target, os.O_RDWR)
    monkeypatch.setattr(Device, "write", once)
    try:
        with pytest.raises(StateUnknown, match="may be bootable") as caught:
            flash(image, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        os.close(descriptor)
    assert caught.value.status == 14


@pytest.mark.parametrize("size", [SIZE, SIZE + 512, 300_000, 5000])
def test_the_boot_sector_is_written_last_and_blanked_first(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one block is written between a stick that cannot boot and one that is right."""
    image = tmp_path / "full"
    image.write_bytes(content(size, zeros=0))
    target = stick(tmp_path / "same", size, fill=b"old")
    write = Device.write
    order: list[tuple[int, int]] = []
    almost: list[bytes] = []

    def recording(device: Device, offset: int, data: memoryview) -> None:
        if order and offset == 0 and any(data):
            almost.append(target.read_bytes())
        order.append((offset, len(data)))
        write(device, offset, data)

    monkeypatch.setattr(Device, "write", recording)
    flash(image, target)
    assert order[0][0] == 0
    assert order[-1] == (0, min(4096, size))
    last = (size - 1) // 4096 * 4096
    deciding = sorted({start for start in (0, 4096, 32768, last) if start < size}, reverse=True)
    assert [start for start, _ in order[-len(deciding) :]] == deciding
    # All but the first block was there, and right, before it came.
    assert almost == [bytes(min(4096, size)) + image.read_bytes()[4096:]]
    assert target.read_bytes() == image.read_bytes()
