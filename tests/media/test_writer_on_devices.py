"""What the writer promises, on real block devices: loop devices, with the kernel's own refusals."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.core.errors import Refused
from provision.core.events import Event, Phase
from provision.media.device import Device
from provision.media.errors import (
    SpoolFailed,
    TargetChanged,
    TargetMounted,
    TargetNotRemovable,
    VerifyFailed,
    WriteFailed,
)
from provision.media.targets import Kind, examine
from tests.media.loops import attach, detach, loop, mounted
from tests.media.samples import MIB, content, packed, stick
from tests.media.writing import ALLOW, at, bootable, flash

pytestmark = pytest.mark.root
SIZE = 12 * MIB


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image that does not end at a sector."""
    path = tmp_path / "image"
    path.write_bytes(packed(content(10 * MIB + 777), "zst"))
    return path


@pytest.fixture
def backing(tmp_path: Path) -> Path:
    """The file behind the stick, full of an older image."""
    return stick(tmp_path / "backing", SIZE, fill=content(MIB, seed=9, zeros=0))


@pytest.fixture
def device(backing: Path) -> Iterator[Path]:
    """The stick."""
    with loop(backing) as device:
        yield device


def test_an_image_arrives_past_the_page_cache(image: Path, device: Path, backing: Path) -> None:
    """Direct I/O, the odd end padded, an old second partition table gone."""
    report = flash(image, device)
    data = content(10 * MIB + 777)
    assert report.direct
    assert backing.read_bytes()[: len(data)] == data
    assert not any(backing.read_bytes()[-MIB:])


def test_an_image_as_large_as_the_stick(tmp_path: Path, device: Path, backing: Path) -> None:
    """The tail of the image is withheld too, and comes with the head."""
    path = tmp_path / "full"
    path.write_bytes(content(SIZE, zeros=0.2))
    seen: list[bool] = []
    flash(path, device, at("verify", Phase.END, lambda: seen.append(bootable(backing))))
    assert seen == [False]
    assert backing.read_bytes() == path.read_bytes()


def test_the_page_cache_is_not_trusted(image: Path, device: Path, backing: Path) -> None:
    """The medium rots behind a cache that still has the good data: found all the same."""
    where = next(i for i, byte in enumerate(content(10 * MIB + 777)) if i > 6 * MIB and byte)
    cached: list[bool] = []

    def rot() -> None:
        with device.open("rb", buffering=0) as cache:
            os.pread(cache.fileno(), 4096, where & ~4095)
            with backing.open("r+b") as file:
                file.seek(where)
                before = file.read(1)
                file.seek(where)
                file.write(bytes([before[0] ^ 1]))
            # The fault did fire: a reader through the cache sees nothing of it.
            cached.append(os.pread(cache.fileno(), 1, where) == before)

    with pytest.raises(VerifyFailed, match=f"byte {where}"):
        flash(image, device, at("verify", Phase.START, rot))
    assert cached == [True]
    assert not bootable(backing)


def test_a_mounted_stick_is_refused(tmp_path: Path, image: Path, device: Path) -> None:
    """By what the kernel says is mounted, and, if that were missed, by its exclusive open."""
    subprocess.run(["mkfs.ext4", "-q", "-F", device], check=True, capture_output=True)
    free = examine(device, policy=ALLOW)
    with mounted(device, tmp_path / "mnt") as where:
        with pytest.raises(TargetMounted, match=str(where)):
            examine(device, policy=ALLOW)
        with pytest.raises(TargetMounted):
            Device.open(free)


def test_it_cannot_be_mounted_while_we_write(tmp_path: Path, image: Path, device: Path) -> None:
    """An automounter in the middle of it would change the stick."""
    tried: list[int] = []

    def try_to_mount() -> None:
        ran = subprocess.run(
            ["mount", "-t", "ext4", device, tmp_path], check=False, capture_output=True
        )
        tried.append(ran.returncode)

    flash(image, device, at("verify", Phase.START, try_to_mount))
    assert len(tried) == 1
    assert tried[0] != 0


def test_a_stick_changed_after_the_question_is_refused(
    tmp_path: Path, device: Path, backing: Path
) -> None:
    """The same path, the same size, another medium: the kernel's sequence number tells."""
    confirmed = examine(device, policy=ALLOW)
    other = stick(tmp_path / "other", SIZE, fill=b"precious")
    detach(device)
    subprocess.run(["losetup", device, other], check=True)
    with pytest.raises(TargetChanged):
        Device.open(confirmed)
    assert other.read_bytes()[:8] == b"precious"


def test_a_medium_that_fills_up_fails_with_the_place(tmp_path: Path, image: Path) -> None:
    """The backing store is full half-way: an I/O error from the device, told with its offset."""
    with mounted("tmpfs", tmp_path / "small", "-t", "tmpfs", "-o", "size=4m") as small:
        backing = stick(small / "backing", SIZE)
        with loop(backing) as device:
            told: list[Event] = []
            with pytest.raises(WriteFailed, match=r"at \d+\.\d MiB"):
                flash(image, device, told.append)
            assert not bootable(backing)


def test_killed_in_the_middle_it_does_not_boot(image: Path, device: Path, backing: Path) -> None:
    """SIGKILL after the first data was written."""
    code = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from provision.core.events import Phase\n"
        "from tests.media.writing import at, flash\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "flash(Path(sys.argv[1]), Path(sys.argv[2]), at('write', Phase.PROGRESS, die))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, image, device], cwd=Path(__file__).parents[2], check=False
    )
    assert ran.returncode == -signal.SIGKILL
    assert not bootable(backing)


def test_a_loop_device_has_to_be_allowed(device: Path) -> None:
    """A loop device is a disk of this machine, for all we know."""
    with pytest.raises(TargetNotRemovable, match="loop device"):
        examine(device)
    assert examine(device, policy=ALLOW).kind is Kind.LOOP


def test_the_disk_of_this_machine_is_refused() -> None:
    """The real machine's own root disk, if it has one."""
    number = Path("/").stat().st_dev
    place = Path("/sys/dev/block") / f"{os.major(number)}:{os.minor(number)}"
    root = Path("/dev") / place.resolve().name
    if not root.is_block_device():
        pytest.skip("the root of this machine is on no block device")
    with pytest.raises(Refused):
        examine(root, policy=ALLOW)


def test_udev_style_locks_are_respected(image: Path, device: Path) -> None:
    """Whoever holds the device's lock is at work on it."""
    from provision.core.errors import Conflict

    with device.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict):
            flash(image, device)


def test_many_devices_attach_and_detach(tmp_path: Path) -> None:
    """Each attachment has a sequence number of its own."""
    backing = stick(tmp_path / "b", MIB)
    numbers = set()
    for _ in range(3):
        device = attach(backing)
        target = examine(device, policy=ALLOW)
        assert target.disk is not None
        numbers.add(target.disk.diskseq)
        detach(device)
    assert len(numbers) == 3


def test_no_room_to_unpack_is_told(
    tmp_path: Path, device: Path, backing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packed image of unknown size needs room; without it, nothing bootable and a remedy."""
    image = tmp_path / "image.gz"
    image.write_bytes(packed(content(10 * MIB, zeros=0), "gz"))
    with mounted("tmpfs", tmp_path / "tiny", "-t", "tmpfs", "-o", "size=2m") as tiny:
        monkeypatch.setenv("TMPDIR", str(tiny))
        monkeypatch.setattr(tempfile, "tempdir", None)
        with pytest.raises(SpoolFailed, match="No space left"):
            flash(image, device)
    assert not bootable(backing)
