"""One medium by several names: whoever uses it under another name is found, on real devices."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from provision.core.errors import Conflict, Refused
from provision.flow.flash import Request, flash
from provision.media.device import Device
from provision.media.errors import TargetIsSystem, TargetMounted
from provision.media.targets import examine
from tests.media.loops import loop, mounted
from tests.media.machines import Machine
from tests.media.samples import MIB, content, stick
from tests.media.writing import ALLOW

pytestmark = pytest.mark.root
SIZE = 8 * MIB


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of these tests stay with them."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a file system in it."""
    path = stick(tmp_path / "fs.img", SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True, capture_output=True)
    return path


def test_a_mounted_file_system_is_found_by_every_name(tmp_path: Path, file: Path) -> None:
    """A second loop over the file, a loop over the loop, two of them, and the file itself."""
    with loop(file) as first, loop(file) as second, loop(first) as over, loop(over) as twice:
        for path in (first, second, over, twice, file):
            assert examine(path, policy=ALLOW).size == SIZE  # nobody uses it yet
        with mounted(first, tmp_path / "mnt") as where:
            for path in (first, second, over, twice, file):
                with pytest.raises(TargetMounted, match=str(where)):
                    examine(path, policy=ALLOW)


def test_a_file_is_found_behind_a_changed_name(tmp_path: Path, file: Path) -> None:
    """The path in /sys is what it was called once, and may name something harmless by now."""
    with loop(file) as first, mounted(first, tmp_path / "mnt"):
        moved = file.rename(tmp_path / "elsewhere")
        stick(file, SIZE)
        assert examine(file, policy=ALLOW).size == SIZE
        with pytest.raises(TargetMounted):
            examine(moved, policy=ALLOW)


@pytest.mark.parametrize("through", ["file", "loop"])
def test_swap_is_found_by_every_name(tmp_path: Path, through: str) -> None:
    """A swap file, or a loop over one, is the system's memory."""
    swap = tmp_path / "swap"
    swap.write_bytes(bytes(SIZE))
    swap.chmod(0o600)
    subprocess.run(["mkswap", swap], check=True, capture_output=True)
    with loop(swap) as first, loop(swap) as second:
        used = swap if through == "file" else first
        if subprocess.run(["swapon", used], check=False, capture_output=True).returncode:
            pytest.skip("this file system takes no swap file")
        try:
            for path in (swap, second):
                with pytest.raises(TargetIsSystem, match="swap"):
                    examine(path, policy=ALLOW)
        finally:
            subprocess.run(["swapoff", used], check=True, capture_output=True)


def test_the_image_is_found_behind_any_stack_of_loops(tmp_path: Path) -> None:
    """Also under a name that is long, or has something in it that a terminal must not see."""
    folder = tmp_path / ("long" * 50) / "esc\x1b[31m"
    folder.mkdir(parents=True)
    image = folder / "image"
    image.write_bytes(content(MIB))
    before = image.read_bytes()
    with loop(image) as first, loop(first) as over:
        for path in (first, over):
            request = Request(image=image, targets=(path,), unverified=True, policy=ALLOW)
            with pytest.raises(Refused, match="the image itself"):
                flash(request)
    assert image.read_bytes() == before


def test_two_names_of_one_medium_are_one_target(tmp_path: Path, file: Path) -> None:
    """A loop and its file, two loops over one file, a loop over a loop."""
    image = tmp_path / "image"
    image.write_bytes(content(MIB))
    with loop(file) as first, loop(file) as second, loop(second) as over:
        for pair in ((first, file), (first, second), (second, over)):
            request = Request(image=image, targets=pair, unverified=True, policy=ALLOW)
            with pytest.raises(Refused, match="are the same"):
                flash(request)


def test_a_device_held_by_another_program_is_a_conflict(file: Path) -> None:
    """Nobody mounted it: somebody else writes it."""
    with loop(file) as device:
        free = examine(device, policy=ALLOW)
        fd = os.open(device, os.O_RDONLY | os.O_EXCL)
        try:
            with pytest.raises(Conflict):
                Device.open(free)
        finally:
            os.close(fd)


def test_a_mount_out_of_our_sight_is_found(tmp_path: Path, file: Path) -> None:
    """In another mount namespace, through another loop: the kernel will not let us claim it."""
    with loop(file) as first, loop(file) as second:
        fd = os.open(first, os.O_RDONLY | os.O_EXCL)  # as such a mount holds it
        try:
            for path in (second, file):
                with pytest.raises(TargetMounted, match="out of our sight"):
                    examine(path, policy=ALLOW)
        finally:
            os.close(fd)
        assert examine(second, policy=ALLOW).size == SIZE


def test_what_is_mounted_during_the_question_is_found(tmp_path: Path, file: Path) -> None:
    """A file cannot be opened exclusively: what uses it is looked up once more."""
    with loop(file) as first, loop(file) as second:
        before = [examine(path, policy=ALLOW) for path in (second, file)]
        with mounted(first, tmp_path / "mnt"):
            for target in before:
                with pytest.raises(TargetMounted):
                    Device.open(target)
        for target in before:
            with Device.open(target):
                pass


def test_the_disk_under_a_loop_device_is_judged_too(tmp_path: Path, file: Path) -> None:
    """A loop over a disk of this machine is no way round the refusal of that disk."""
    machine = Machine(tmp_path / "machine")
    with loop(file) as real:
        number = os.minor(real.stat().st_rdev)
        machine.sata("sdc", dev=f"7:{number}")
        machine.virtual("loop900", loop__backing_file=real)
        idle = machine.devices()
        assert (idle.under("loop900"), idle.uses("loop900")) == (["sdc"], [])
        assert idle.medium("loop900") == idle.medium("sdc")
        machine.mount_device(machine.partition("sdc"), "/")
        assert [use.system for use in machine.devices().uses("loop900")] == [True]
