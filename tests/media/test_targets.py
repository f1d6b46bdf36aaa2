"""Wrong disks are refused; sticks and cards are not. Each machine is a tree of files."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision.core.errors import Refused
from provision.media.disks import Bus
from provision.media.errors import (
    TargetChanged,
    TargetIsSystem,
    TargetMissing,
    TargetMounted,
    TargetNotRemovable,
    TargetReadOnly,
    TargetTooLarge,
    TargetTooSmall,
)
from provision.media.targets import Policy, examine, find_disk, judge, witness
from tests.media.machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A laptop: a system disk with root and swap, and nothing plugged in."""
    machine = Machine(tmp_path)
    machine.sata("sda")
    machine.mount_device(machine.partition("sda", 1), "/")
    machine.swap(machine.partition("sda", 2))
    return machine


def verdict(machine: Machine, name: str, policy: Policy | None = None) -> None:
    """Judge one disk of a machine."""
    devices = machine.devices()
    judge(devices.disk(name), devices.uses(name), policy or Policy())


def test_a_stick_and_a_card_are_accepted(machine: Machine) -> None:
    """What is proven to be removable media and is not in use may be written."""
    verdict(machine, machine.usb("sdb"))
    verdict(machine, machine.card("mmcblk0"))


def test_a_usb_disk_that_does_not_call_itself_removable_is_still_usb(machine: Machine) -> None:
    """The bus decides: many USB enclosures clear the flag."""
    machine.usb("sdb", removable=0)
    disk = machine.devices().disk("sdb")
    assert (disk.bus, disk.removable) == (Bus.USB, False)
    verdict(machine, "sdb")


def test_a_stick_says_who_it_is(machine: Machine) -> None:
    """A person has to recognise the stick; a record has to name it."""
    machine.usb("sdb", port="3-2.1", usb_serial="4C5300\x1b[31m1105")
    disk = machine.devices().disk("sdb")
    assert disk.title == "SanDisk Ultra"
    assert disk.serial == "4C5300[31m1105"  # no escape sequence gets through
    assert disk.usb is not None
    assert (disk.usb.port, disk.usb.vendor_id, disk.usb.speed_mbit) == ("3-2.1", "0781", "5000")


def test_built_in_flash_is_no_card(machine: Machine) -> None:
    """eMMC shows as mmcblk too, and holds somebody's system."""
    machine.card("mmcblk1", kind="MMC")
    with pytest.raises(TargetNotRemovable, match="eMMC"):
        verdict(machine, "mmcblk1")


def test_an_unproven_disk_needs_its_serial_in_full(machine: Machine) -> None:
    """A disk that is neither USB nor SD is written only by naming it exactly."""
    machine.sata("sdc")
    with pytest.raises(TargetNotRemovable) as caught:
        verdict(machine, "sdc")
    assert "--force-target 'naa.5000-sdc'" in caught.value.hint
    with pytest.raises(TargetNotRemovable):
        verdict(machine, "sdc", Policy(force=frozenset({"naa.5000-sd"})))
    verdict(machine, "sdc", Policy(force=frozenset({"naa.5000-sdc"})))


def test_nothing_forces_the_system_disk(machine: Machine) -> None:
    """The disk this machine runs from is refused, whatever is typed."""
    with pytest.raises(TargetIsSystem):
        verdict(machine, "sda", Policy(force=frozenset({"naa.5000-sda", "sda"})))


def test_the_system_is_found_through_dm_and_md(machine: Machine) -> None:
    """Root on LVM on RAID on two USB disks: both are the system's."""
    for name in ("sdb", "sdc"):
        machine.usb(name)
        machine.partition(name)
    machine.virtual("md0", slaves=("sdb1", "sdc1"))
    machine.virtual("dm-0", slaves=("md0",), dm__name="vg-home")
    machine.mount("0:99", "/home", source="/dev/mapper/vg-home")
    for name in ("sdb", "sdc"):
        with pytest.raises(TargetIsSystem):
            verdict(machine, name)


def test_the_system_is_found_through_a_loop_file(machine: Machine) -> None:
    """A live system's root is a file on the stick it was started from."""
    machine.usb("sdb")
    machine.mount_device(machine.partition("sdb"), "/run/live medium")
    machine.virtual("loop0", loop__backing_file="/run/live medium/filesystem.squashfs")
    machine.mount_device("loop0", "/usr")
    with pytest.raises(TargetIsSystem):
        verdict(machine, "sdb")


def test_the_kernels_root_counts_when_mountinfo_hides_it(machine: Machine) -> None:
    """mountinfo may say /dev/root; the command line says which disk that is."""
    machine.usb("sdb")
    machine.partition("sdb")
    (machine.proc / "cmdline").write_text("quiet root=/dev/sdb1 ro")
    with pytest.raises(TargetIsSystem):
        verdict(machine, "sdb")


def test_a_mounted_partition_refuses_the_stick(machine: Machine) -> None:
    """What is mounted is in use, also under a name with a blank."""
    machine.usb("sdb")
    machine.mount_device(machine.partition("sdb"), "/media/me/MY STICK")
    with pytest.raises(TargetMounted, match="MY STICK"):
        verdict(machine, "sdb")


def test_swap_on_a_stick_is_the_systems(machine: Machine) -> None:
    """A machine that loses its swap loses its memory."""
    machine.usb("sdb")
    machine.swap(machine.partition("sdb"))
    with pytest.raises(TargetIsSystem, match="swap"):
        verdict(machine, "sdb")


def test_a_holder_refuses_the_stick(machine: Machine) -> None:
    """An unlocked but unmounted volume is in use too."""
    machine.usb("sdb")
    machine.virtual("dm-3", slaves=(machine.partition("sdb"),))
    with pytest.raises(TargetMounted, match="dm-3"):
        verdict(machine, "sdb")


def test_btrfs_uses_all_its_devices(machine: Machine) -> None:
    """btrfs mounts one device and uses several, under a device number of its own."""
    for name in ("sdb", "sdc"):
        machine.usb(name)
        (machine.sys / "fs/btrfs/uuid/devices" / name).mkdir(parents=True)
    machine.mount("0:50", "/srv", "btrfs", "/dev/sdb")
    for name in ("sdb", "sdc"):
        with pytest.raises(TargetMounted):
            verdict(machine, name)


def test_other_refusals(machine: Machine) -> None:
    """No medium, write-protected, a disk as large as backups are, a loop device."""
    machine.usb("sdb", size=0)
    machine.usb("sdc", ro=1)
    machine.usb("sdd", size=2_000_000_000_000 // 512)
    machine.virtual("loop3", loop__backing_file="/x")
    for name, refusal in {
        "sdb": TargetMissing,
        "sdc": TargetReadOnly,
        "sdd": TargetTooLarge,
        "loop3": TargetNotRemovable,
    }.items():
        with pytest.raises(refusal):
            verdict(machine, name)
    verdict(machine, "loop3", Policy(allow_loop=True))


def test_a_loop_over_nobody_knows_what_is_no_medium(machine: Machine, tmp_path: Path) -> None:
    """What cannot be told from the image, or from another target, is not written."""
    known = tmp_path / "known"
    known.touch()
    machine.virtual("loop3", loop__backing_file="/gone (deleted)")
    machine.virtual("loop4", loop__backing_file=known)
    info = known.stat()
    assert machine.devices().medium("loop3") is None
    assert machine.devices().medium("loop4") == ("file", info.st_dev, info.st_ino)


def test_a_partition_is_refused_by_naming_its_disk(machine: Machine) -> None:
    """An image with a partition table belongs on the whole disk."""
    machine.usb("sdb")
    part = machine.partition("sdb")
    number = (machine.sys / "block/sdb" / part / "dev").read_text().strip()
    with pytest.raises(Refused) as caught:
        find_disk(number, "/dev/sdb1", machine.devices())
    assert "/dev/sdb" in caught.value.hint


def test_without_mountinfo_nothing_is_written(machine: Machine) -> None:
    """What is in use cannot be told: unknown is not free."""
    machine.usb("sdb")
    (machine.proc / "self/mountinfo").unlink()
    number = (machine.sys / "block/sdb/dev").read_text().strip()
    with pytest.raises(Refused, match="mounted"):
        find_disk(number, "/dev/sdb", machine.devices())


def test_libusb_is_a_second_witness(machine: Machine) -> None:
    """When sysfs and libusb disagree on a port, the stick was changed while we looked."""
    machine.usb("sdb", port="3-2.1")
    disk = machine.devices().disk("sdb")

    def seen(product: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(bus=3, port_numbers=(2, 1), idVendor=0x0781, idProduct=product)]

    assert witness(disk, lambda: seen(0x5581)).witness == "sysfs and libusb"
    assert witness(disk, list).witness == "sysfs"
    with pytest.raises(TargetChanged):
        witness(disk, lambda: seen(0x1234))


USES = st.sampled_from(["root", "boot", "swap", "data", "holder", "lvm-root", "md-root", "btrfs"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    bus=st.sampled_from(["usb", "card", "sata"]),
    whole=st.booleans(),
    use=USES,
    others=st.lists(st.sampled_from(["usb", "card", "sata"]), max_size=3),
    data=st.data(),
)
def test_a_disk_in_use_is_never_accepted(  # noqa: PLR0917 - hypothesis hands over by name
    tmp_path_factory: pytest.TempPathFactory,
    bus: str,
    whole: bool,
    use: str,
    others: list[str],
    data: st.DataObject,
) -> None:
    """Whatever the bus, the stacking and the company: in use is refused, and the idle are not."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    names = {"usb": "sd{}", "card": "mmcblk{}", "sata": "sd{}"}
    idle = [
        getattr(machine, kind)(names[kind].format("cdefgh"[i] if kind != "card" else i + 1))
        for i, kind in enumerate(others)
    ]
    disk = getattr(machine, bus)(names[bus].format("b" if bus != "card" else 0))
    part = disk if whole else machine.partition(disk, data.draw(st.integers(1, 12)))
    if use in ("root", "boot", "data"):
        machine.mount_device(part, {"root": "/", "boot": "/boot/efi", "data": "/mnt/x"}[use])
    elif use == "swap":
        machine.swap(part)
    elif use == "btrfs":
        (machine.sys / "fs/btrfs/u/devices" / part).mkdir(parents=True)
        machine.mount("0:77", "/", "btrfs", f"/dev/{part}")
    else:
        machine.virtual("dm-7" if use != "md-root" else "md7", slaves=(part,))
        if use != "holder":
            machine.mount_device("dm-7" if use == "lvm-root" else "md7", "/")
    token = machine.devices().disk(disk).token
    expected = TargetMounted if use in ("data", "holder") else TargetIsSystem
    with pytest.raises(expected):
        verdict(machine, disk, Policy(force=frozenset({token, disk})))
    for name, kind in zip(idle, others, strict=True):
        if kind == "sata":
            with pytest.raises(TargetNotRemovable):
                verdict(machine, name)
        else:
            verdict(machine, name)


def test_files_need_to_be_allowed_and_to_exist(tmp_path: Path) -> None:
    """A typo must not become a file, nor a file a stick."""
    missing, empty, file = tmp_path / "no", tmp_path / "empty", tmp_path / "stick"
    empty.touch()
    file.write_bytes(bytes(4096))
    allowed = Policy(allow_file=True)
    for path, policy, refusal in (
        (missing, allowed, TargetMissing),
        (file, Policy(), TargetMissing),
        (empty, allowed, TargetTooSmall),
        (tmp_path, allowed, TargetMissing),
        (Path("/dev/null"), allowed, TargetMissing),
    ):
        with pytest.raises(refusal):
            examine(path, policy=policy)
    assert examine(file, policy=allowed).size == 4096
    with pytest.raises(TargetTooSmall, match="1 B more"):
        examine(file, policy=allowed, image_size=4097)


def test_what_is_on_it_now_is_told(tmp_path: Path) -> None:
    """The question names what will be lost."""
    file = tmp_path / "stick"
    file.write_bytes(bytes(1 << 20))
    assert examine(file, policy=Policy(allow_file=True)).content == "empty"
    file.write_bytes(os.urandom(1 << 20))
    assert examine(file, policy=Policy(allow_file=True)).content == "unknown data"
