"""Ports, disks, PCI devices and the boot disk, as the kernel shows them under a root directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwprofiles.facts import FactBook
from provision.host import devices
from provision.host.files import Tree
from tests.host import machines

GIB = 1 << 30


def values(root: Path) -> dict[str, object]:
    """What is told of the devices under ``root``, by name."""
    facts = FactBook()
    devices.tell(Tree(root), facts)
    return {name: fact.value for name, fact in facts.items()}


def link(root: Path, name: str, target: str) -> None:
    """Make ``name`` a link to ``target``, both below ``root``."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(root / target)


def pci(root: Path, address: str, ids: str, kind: str, **files: str) -> str:
    """A PCI device; returns its folder."""
    folder = f"sys/devices/pci0000:00/{address}"
    vendor, device = ids.split(":")
    for name, text in {"vendor": vendor, "device": device, "class": kind, **files}.items():
        content = f"0x{text}\n" if name in {"vendor", "device", "class"} else text
        machines.put(root, f"{folder}/{name}", content)
    link(root, f"sys/bus/pci/devices/{address}", folder)
    return folder


def port(root: Path, name: str, speed: int | None, *, behind: str = "", kind: int = 1) -> None:
    """A network interface of the kernel; ``behind`` is the folder of its device."""
    machines.put(root, f"sys/class/net/{name}/type", f"{kind}\n")
    machines.put(root, f"sys/class/net/{name}/address", "AA:BB:CC:00:00:01\n")
    if speed is not None:
        machines.put(root, f"sys/class/net/{name}/speed", f"{speed}\n")
    if behind:
        (root / behind).mkdir(parents=True, exist_ok=True)
        link(root, f"sys/class/net/{name}/device", behind)


def disk(root: Path, name: str, size: int, place: str, **files: str) -> None:
    """A disk of the kernel at ``place`` below /sys/devices; ``removable`` is 0 unless given."""
    real = f"sys/devices/{place}/block/{name}"
    told = {"size": f"{size // 512}\n", "removable": "0\n", **files}
    for file, text in told.items():
        machines.put(root, f"{real}/{file.replace('__', '/')}", text)
    link(root, f"sys/block/{name}", real)
    link(root, f"sys/class/block/{name}", real)


def part(root: Path, number: str, disk_folder: str, name: str) -> None:
    """A partition, findable by its device number."""
    machines.put(root, f"{disk_folder}/{name}/partition", "1\n")
    link(root, f"sys/dev/block/{number}", f"{disk_folder}/{name}")


def test_network_ports(tmp_path: Path) -> None:
    """Bridges, virtual functions and what hangs on USB are no ports; without link no speed."""
    nic = pci(tmp_path, "0000:01:00.0", "8086:1572", "020000")
    virtual = pci(tmp_path, "0000:01:02.0", "8086:154c", "020000")
    (tmp_path / virtual / "physfn").mkdir()
    link(tmp_path, f"{nic}/driver", "sys/bus/pci/drivers/i40e")
    port(tmp_path, "lo", None, kind=772)
    port(tmp_path, "virbr0", 10000)
    port(tmp_path, "eno1", 100, behind=nic)
    port(tmp_path, "eno1v0", 10000, behind=virtual)
    port(tmp_path, "idrac", 1000, behind="sys/devices/pci0000:00/usb1/1-14/1-14.3")
    port(tmp_path, "eno2", -1, behind=nic)
    row = {"mac": "aa:bb:cc:00:00:01", "driver": "i40e", "model": "8086:1572"}
    found = values(tmp_path)
    assert found["nics.count"] == 2
    assert found["nics.ports"] == ({"name": "eno1", "speed": 10**8} | row, {"name": "eno2"} | row)
    assert "nics.fastest" not in found
    port(tmp_path, "eno3", 25000, behind=nic)
    assert values(tmp_path)["nics.fastest"] == 25 * 10**9


def test_a_port_of_a_bond(tmp_path: Path) -> None:
    """It keeps its own address, not that of the bond."""
    port(tmp_path, "eno1", 1000, behind="sys/devices/pci0000:00/0000:01:00.0")
    machines.put(tmp_path, "sys/class/net/eno1/bonding_slave/perm_hwaddr", "aa:bb:cc:00:00:09\n")
    assert values(tmp_path)["nics.ports"] == (
        {"name": "eno1", "mac": "aa:bb:cc:00:00:09", "speed": 10**9},
    )


def test_drives(tmp_path: Path) -> None:
    """What stays in the machine, with the bus by its place; the medium where it can be trusted."""
    sas = "pci0000:00/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0"
    raid = "pci0000:00/host1/target1:2:0/1:2:0:0"
    ssd = {"queue__rotational": "0\n"}
    ata = {"device__vendor": "ATA     ", "device__model": "INTEL SSDSC2KB48", **ssd}
    disk(tmp_path, "sda", 480 * GIB, "pci0000:00/ata1/host2/target2:0:0/2:0:0:0", **ata)
    disk(tmp_path, "sdb", 600 * GIB, sas, device__vendor="SEAGATE", queue__rotational="1\n")
    disk(tmp_path, "sdc", 900 * GIB, sas.replace("0:0", "0:1"), **ata)
    disk(tmp_path, "sdd", 900 * GIB, raid, device__vendor="DELL", device__model="PERC H730P", **ssd)
    disk(tmp_path, "nvme0n1", 300 * GIB, "pci0000:00/nvme/nvme0", device__serial="S1 ", **ssd)
    disk(tmp_path, "mmcblk0", 64 * GIB, "pci0000:00/mmc0/mmc0:1", device__type="MMC\n")
    assert values(tmp_path)["storage.drives"] == (
        {"name": "mmcblk0", "size": 64 * GIB},
        {"name": "nvme0n1", "serial": "S1", "size": 300 * GIB, "bus": "nvme", "media": "ssd"},
        {
            "name": "sda",
            "model": "INTEL SSDSC2KB48",
            "size": 480 * GIB,
            "bus": "sata",
            "media": "ssd",
        },
        {"name": "sdb", "size": 600 * GIB, "bus": "sas", "media": "hdd"},
        {
            "name": "sdc",
            "model": "INTEL SSDSC2KB48",
            "size": 900 * GIB,
            "bus": "sata",
            "media": "ssd",
        },
        {"name": "sdd", "model": "DELL PERC H730P", "size": 900 * GIB},
    )


def test_what_does_not_stay(tmp_path: Path) -> None:
    """Sticks, cards, loops and disks of a storage network are no local disks."""
    disk(tmp_path, "sda", 8 * GIB, "pci0000:00/usb2/2-1/host4/target4:0:0/4:0:0:0")
    disk(tmp_path, "sdb", 9 * GIB, "pci0000:00/ata2/host1/x", removable="1\n")
    disk(tmp_path, "sdc", 9 * GIB, "pci0000:00/host7/rport-7:0-1/target7:0:0/7:0:0:0")
    disk(tmp_path, "sdd", 9 * GIB, "platform/host8/session1/target8:0:0/8:0:0:0")
    disk(tmp_path, "mmcblk0", 2 * GIB, "pci0000:00/mmc0/mmc0:1", device__type="SD\n")
    disk(tmp_path, "loop0", 9 * GIB, "virtual")
    disk(tmp_path, "nvme1n1", 9 * GIB, "virtual/nvme-fabrics/ctl/nvme1")
    disk(tmp_path, "sde", 0, "pci0000:00/ata3/host2/x")
    assert values(tmp_path) == {"storage.count": 0, "storage.drives": ()}


@pytest.mark.parametrize(("carrier", "count"), [("pcie", 1), ("tcp", 0)])
def test_an_nvme_disk_with_several_paths(tmp_path: Path, carrier: str, count: int) -> None:
    """It hangs nowhere in the machine; its paths tell whether it is in it."""
    place = "sys/devices/virtual/nvme-subsystem/nvme-subsys0"
    machines.put(tmp_path, f"{place}/nvme0n1/size", "2048\n")
    machines.put(tmp_path, f"{place}/nvme0n1/removable", "0\n")
    machines.put(tmp_path, f"{place}/nvme0/transport", f"{carrier}\n")
    link(tmp_path, "sys/block/nvme0n1", f"{place}/nvme0n1")
    disk(tmp_path, "nvme0c0n1", GIB, "pci0000:00/nvme/nvme0")
    assert values(tmp_path)["storage.count"] == count


def test_the_boot_disk(tmp_path: Path) -> None:
    """It is the disk below the file system the firmware reads; a stick or a card counts too."""
    place = "pci0000:00/mmc0/mmc0:1"
    disk(tmp_path, "mmcblk0", 2 * GIB, place, device__type="SD\n", device__name="SU02G\n")
    disk(tmp_path, "sda", 99 * GIB, "pci0000:00/ata1/host0/x")
    part(tmp_path, "179:1", f"sys/devices/{place}/block/mmcblk0", "mmcblk0p1")
    machines.put(
        tmp_path,
        "proc/self/mountinfo",
        "22 27 0:21 / /proc rw - proc proc rw\n"
        "27 1 8:0 / / rw,relatime shared:1 - ext4 /dev/sda rw\n"
        "28 27 179:1 / /boot rw,relatime - vfat /dev/mmcblk0p1 rw\n",
    )
    found = values(tmp_path)
    assert found["boot.device.bus"] == "sd"
    assert found["boot.device.size"] == 2 * GIB
    assert found["boot.device.model"] == "SU02G"
    assert found["storage.largest"] == 99 * GIB


@pytest.mark.parametrize(
    ("mount", "size"),
    [
        ("/dev/sda / ext4 rw 0 0", 99 * GIB),
        ("/dev/dm-0 / ext4 rw 0 0", 99 * GIB),
        ("/dev/md0 / ext4 rw 0 0", None),
        ("rootfs / rootfs rw 0 0", None),
        ("overlay / overlay rw 0 0", None),
        ("/dev/../../etc / ext4 rw 0 0", None),
        ("/dev/md0 /boot ext4 rw 0 0\n/dev/sda / ext4 rw 0 0", None),
    ],
    ids=["disk", "mapper", "mirror", "memory", "overlay", "escape", "mirrored boot"],
)
def test_where_the_system_lies(tmp_path: Path, mount: str, size: int | None) -> None:
    """Through a mapper to its disk; a mirror, or a system in memory, has no one boot disk."""
    for name in ("sda", "sdb"):
        disk(tmp_path, name, 99 * GIB, f"pci0000:00/ata1/host0/{name}")
    for name, below in (("dm-0", ["sda"]), ("md0", ["sda", "sdb"])):
        for slave in below:
            (tmp_path / f"sys/devices/virtual/block/{name}/slaves/{slave}").mkdir(parents=True)
        link(tmp_path, f"sys/class/block/{name}", f"sys/devices/virtual/block/{name}")
    machines.put(tmp_path, "proc/mounts", mount + "\n")
    assert values(tmp_path).get("boot.device.size") == size


def test_gpus(tmp_path: Path) -> None:
    """GPUs, not the screens of BMCs, of old boards or of virtual machines; by name where known."""
    machines.put(
        tmp_path,
        "usr/share/misc/pci.ids",
        "# list\n10de  NVIDIA Corporation\n\t20b7  GA100GL [A30]\n\t\t10de 1532  A30\n"
        "1a03  ASPEED Technology, Inc.\n\t20b7  not this one\n",
    )
    for address, ids, kind in (
        ("0000:01:00.0", "10de:20b7", "030200"),
        ("0000:02:00.0", "1a03:2000", "030000"),
        ("0000:03:00.0", "102b:0536", "030000"),
        ("0000:04:00.0", "1002:515e", "030000"),
        ("0000:05:00.0", "1002:740f", "120000"),
        ("0000:06:00.0", "8086:0b40", "120000"),
        ("0000:07:00.0", "1234:1111", "030000"),
        ("0000:08:00.0", "8086:56c0", "038000"),
        ("0000:09:00.0", "8086:1572", "020000"),
    ):
        pci(tmp_path, address, ids, kind)
    virtual = pci(tmp_path, "0000:01:00.4", "10de:20b7", "030200")
    (tmp_path / virtual / "physfn").mkdir()
    found = values(tmp_path)
    assert found["gpus.count"] == 3
    assert found["gpus.cards"] == (
        {"name": "GA100GL [A30]", "vendor": "NVIDIA"},
        {"name": "1002:740f", "vendor": "AMD"},
        {"name": "8086:56c0", "vendor": "Intel"},
    )


@pytest.mark.parametrize(("numbers", "capable"), [(["64", "0"], True), (["0"], False), ([], None)])
def test_virtual_functions(tmp_path: Path, numbers: list[str], capable: bool | None) -> None:
    """A device that offers some makes the machine capable; a kernel without them tells nothing."""
    pci(tmp_path, "0000:00:1f.0", "8086:a1c1", "060100")
    for index, number in enumerate(numbers):
        pci(tmp_path, f"0000:01:00.{index}", "8086:1572", "020000", sriov_totalvfs=number)
    assert values(tmp_path).get("sriov.capable") is capable
