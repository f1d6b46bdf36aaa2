"""The table of where facts come from, against collectors at work on recorded machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwprofiles.facts import Facts
from hwprofiles.origins import ORIGINS
from provision.core.errors import ProvisionError
from provision.flow import sources
from provision.host import dumps, read_facts
from tests.host import cpus, machines, test_devices

Told = set[tuple[str, str]]
_EACH = 40  # files of a folder: kinds differ more than machines do
#: Told by what no recording here is: a BMC that lists its empty processor sockets, a machine whose
#: list was taken by a newer hardware-detect, with a cable in its port.
_RARE: Told = {("cpu.sockets", "redfish"), ("system.uuid", "dump"), ("nics.fastest", "dump")}


def told_by(facts: Facts) -> Told:
    """Which facts were told, and from which source."""
    return {(name, str(fact.source)) for name, fact in facts.items()}


@pytest.fixture(scope="module")
def told(hardware: Path, redfish: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What is told of some recorded machines of each kind, and of what no recording here holds."""
    found: Told = set()
    for build in (server, opteron, worked_around, bare):
        root = tmp_path_factory.mktemp("root")
        build(root)
        found |= told_by(read_facts(root))
    for text in (cpus.aida64([cpus.xeon(0)], cpus.ENABLED | {0x1A0: 1 << 34}), _MSRS):
        found |= told_by(dumps.read(text.encode(), "registers.txt"))
    for path in recordings(hardware, redfish):
        try:
            recorded = asyncio.run(sources.read(str(path)))
        except ProvisionError:
            continue  # what cannot be read is another test's matter
        for machine in recorded:
            found |= told_by(machine.facts)
    return found


_MSRS = (
    "MSR 3A: 5\nMSR 8B: 0D00040400000000\nMSR 482: FFF9FFFE04006172\nMSR 48B: 000000A200000000\n"
)


def recordings(hardware: Path, redfish: Path) -> Iterator[Path]:
    """Some recordings of each kind."""
    yield from sorted(redfish.glob("*.json"))
    yield from (hardware / "libredfish-testdata").glob("*.json")
    yield from hardware.rglob("k10/*.test")
    yield from (path for path in hardware.rglob("*R805/*") if path.is_file())
    for folder in sorted(path for path in hardware.iterdir() if path.is_dir()):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        yield from files[:: max(1, len(files) // _EACH)]


def server(root: Path) -> None:
    """A machine as its kernel shows it: processors, ports, disks, a GPU, UEFI and a TPM."""
    address = {"address sizes": "46 bits physical, 57 bits virtual", "microcode": "0xd000404"}
    machines.cpuinfo(root, machines.XEON | address, machines.V3)
    machines.put(root, "proc/meminfo", "MemTotal:       65000000 kB\n")
    nic = test_devices.pci(root, "0000:01:00.0", "8086:1572", "020000", sriov_totalvfs="64\n")
    test_devices.port(root, "eno1", 10000, behind=nic)
    test_devices.pci(root, "0000:02:00.0", "10de:2235", "030200")
    place = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0"
    test_devices.disk(root, "sda", 480 << 30, place, device__model="DISK\n")
    test_devices.part(root, "8:1", f"sys/devices/{place}/block/sda", "sda1")
    mount = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    machines.put(root, "proc/self/mountinfo", mount)
    variable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    machines.put(root, variable, b"\x06\0\0\0\x01")
    machines.put(root, "sys/class/tpm/tpm0/tpm_version_major", "2\n")
    (root / "sys/kernel/iommu_groups/0").mkdir(parents=True)


def opteron(root: Path) -> None:
    """One of the Barcelonas, whose erratum its signature tells."""
    barcelona = {"cpu family": "16", "model": "2", "stepping": "3", "model name": "Opteron 2356"}
    machines.cpuinfo(root, machines.EPYC | barcelona, "lm svm npt nx")


def worked_around(root: Path) -> None:
    """One of those it concerns, whose firmware has set a bit that helps."""
    barcelona = {"cpu family": "16", "model": "2", "stepping": "2", "model name": "Opteron 2350"}
    machines.cpuinfo(root, machines.EPYC | barcelona, "lm svm npt nx")
    machines.register(root, 0, 0xC0010015, 1 << 3)


def bare(root: Path) -> None:
    """A machine that tells of its virtualization switch, and of nothing else."""
    machines.cpuinfo(root, machines.XEON, machines.V3)
    machines.register(root, 0, 0x3A, 0x1)


def test_nothing_comes_from_elsewhere(told: Told) -> None:
    """A source that tells a fact is in its line."""
    assert sorted(told - _listed()) == []


def test_each_line_is_true(told: Told) -> None:
    """A source that is in the line of a fact tells it, of some machine."""
    assert sorted(_listed() - told - _RARE) == []


def _listed() -> Told:
    return {(name, str(source)) for name, known in ORIGINS.items() for source in known}
