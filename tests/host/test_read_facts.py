"""A directory laid out like ``/`` is read as that machine, with root's files and without."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import CATALOGUE, FactBook
from provision.host import dmi, processors, read_facts, smbios
from tests.host import machines


def values(root: Path) -> dict[str, object]:
    """The facts' values by name."""
    return {name: fact.value for name, fact in read_facts(root).items()}


def test_an_empty_root_tells_nothing(tmp_path: Path) -> None:
    """What is not there is not known; nothing is made up, nothing fails."""
    assert read_facts(tmp_path) == {}
    assert read_facts(tmp_path / "gone") == {}


def test_this_machine() -> None:
    """The machine the test runs on is read without an error, by whoever runs it."""
    facts = read_facts()
    assert facts
    assert set(facts) <= set(CATALOGUE)


def test_a_two_socket_server(tmp_path: Path) -> None:
    """The processors: signature, cores, level, and a flag this kernel can be trusted with."""
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3 + " vmx ept", sockets=2)
    found = values(tmp_path)
    expected = {
        "cpu.vendor": "GenuineIntel",
        "cpu.family": 6,
        "cpu.model": 0x6A,
        "cpu.stepping": 6,
        "cpu.sockets_populated": 2,
        "cpu.cores": 4,
        "cpu.level": "v3",
        "cpu.nx": "enabled",
        "cpu.virt.feature": "vmx",
        "cpu.virt.state": "enabled",
        "cpu.virt.slat": True,
    }
    assert {name: found[name] for name in expected} == expected
    flags = found["cpu.flags"]
    assert isinstance(flags, tuple)
    assert "vmx" in flags


def test_virtualization_off_in_firmware(tmp_path: Path) -> None:
    """The kernel hides the flag; the CPU is still known to be able, and to have EPT."""
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3)
    found = values(tmp_path)
    assert found["cpu.virt.state"] == "off-or-hidden"
    assert (found["cpu.virt.feature"], found["cpu.virt.slat"]) == ("vmx", True)
    machines.register(tmp_path, 0, 0x3A, 0x1)
    facts = read_facts(tmp_path)
    assert facts["cpu.virt.state"].value == "disabled"
    assert facts["cpu.virt.state"].source == "msr"
    assert facts["cpu.virt.state"].path == "IA32_FEATURE_CONTROL 0x1"


def test_every_package_is_asked(tmp_path: Path) -> None:
    """Firmware that set up only the boot CPU is found out."""
    machines.cpuinfo(tmp_path, machines.EPYC, machines.V3 + " svm npt", sockets=2)
    machines.register(tmp_path, 0, 0xC0010114, 0x0)
    machines.register(tmp_path, 4, 0xC0010114, 0x18)
    assert values(tmp_path)["cpu.virt.state"] == "disabled"


def test_a_guest_gives_no_verdict(tmp_path: Path) -> None:
    """In a virtual machine, neither state nor SLAT say anything of the hardware."""
    machines.cpuinfo(tmp_path, machines.EPYC, machines.V3 + " hypervisor")
    found = values(tmp_path)
    assert found["cpu.virt.state"] == "guest"
    assert "cpu.virt.slat" not in found


@pytest.mark.parametrize(
    ("tables", "present", "state"),
    [
        (["APIC", "DMAR"], True, "enabled"),
        (["IVRS"], True, "enabled"),
        (["APIC"], False, "disabled"),
        ([], None, None),
    ],
)
def test_iommu(tmp_path: Path, tables: list[str], present: bool | None, state: str | None) -> None:
    """The firmware's own tables tell; without a list of them nothing is known."""
    for name in tables:
        machines.put(tmp_path, f"sys/firmware/acpi/tables/{name}", b"")
    found = values(tmp_path)
    assert (found.get("iommu.present"), found.get("iommu.state")) == (present, state)


def test_iommu_by_groups(tmp_path: Path) -> None:
    """The kernel's groups prove an IOMMU where the tables may not be listed."""
    (tmp_path / "sys/kernel/iommu_groups/0").mkdir(parents=True)
    assert values(tmp_path)["iommu.state"] == "enabled"


def test_firmware(tmp_path: Path) -> None:
    """UEFI, secure boot and TPM, from the files the kernel keeps."""
    variable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    machines.put(tmp_path, variable, b"\x06\0\0\0\x01")
    machines.put(tmp_path, "sys/class/tpm/tpm0/tpm_version_major", "2\n")
    found = values(tmp_path)
    assert found == {
        "firmware.boot_mode": "uefi",
        "firmware.secure_boot": "enabled",
        "tpm.present": True,
        "tpm.version": "2.0",
    }
    (tmp_path / "bios/sys/firmware/acpi").mkdir(parents=True)
    assert values(tmp_path / "bios")["firmware.boot_mode"] == "bios"


def port(root: Path, name: str, speed: int | None, *, real: bool = True, kind: int = 1) -> None:
    """A network port of the kernel."""
    machines.put(root, f"sys/class/net/{name}/type", f"{kind}\n")
    if speed is not None:
        machines.put(root, f"sys/class/net/{name}/speed", f"{speed}\n")
    if real:
        (root / f"sys/class/net/{name}/device").mkdir()


def test_network_ports(tmp_path: Path) -> None:
    """Bridges and loopback are no ports; a port without link hides its speed."""
    port(tmp_path, "lo", None, real=False, kind=772)
    port(tmp_path, "virbr0", 10000, real=False)
    port(tmp_path, "eno1", 100)
    port(tmp_path, "eno2", -1)
    found = values(tmp_path)
    assert found == {"nics.count": 2}
    port(tmp_path, "eno3", 25000)
    assert values(tmp_path)["nics.fastest"] == 25 * 10**9


def disk(root: Path, name: str, sectors: int, *, bus: str, removable: int = 0) -> None:
    """A disk of the kernel, hanging on ``bus``."""
    real = f"sys/devices/{bus}/block/{name}"
    machines.put(root, f"{real}/size", f"{sectors}\n")
    machines.put(root, f"{real}/removable", f"{removable}\n")
    link = root / f"sys/block/{name}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(root / real)


def test_disks(tmp_path: Path) -> None:
    """The largest disk that stays: no stick, no loop device, nothing virtual."""
    disk(tmp_path, "sda", 1000, bus="pci0000:00/ata1/host0")
    disk(tmp_path, "nvme0n1", 3000, bus="pci0000:00/nvme/nvme0")
    disk(tmp_path, "sdb", 9000, bus="pci0000:00/usb2/2-1/host4")
    disk(tmp_path, "sdc", 9000, bus="pci0000:00/ata2/host1", removable=1)
    disk(tmp_path, "loop0", 9000, bus="virtual")
    facts = read_facts(tmp_path)
    assert facts["storage.largest"].value == 3000 * 512
    assert facts["storage.largest"].path == "/sys/block/nvme0n1/size"


def test_board(tmp_path: Path) -> None:
    """Names come from /sys/class/dmi without root; fillers are not names."""
    for name, text in (
        ("sys_vendor", "Dell Inc.\n"),
        ("product_name", "To Be Filled By O.E.M.\n"),
        ("product_uuid", "4C4C4544-0042\n"),
    ):
        machines.put(tmp_path, f"sys/class/dmi/id/{name}", text)
    assert values(tmp_path) == {"system.vendor": "Dell Inc.", "system.uuid": "4c4c4544-0042"}


def test_smbios_tables(tmp_path: Path) -> None:
    """Slots of system memory count, the firmware's flash does not; empty sockets are seen."""
    cpu = struct.pack("<BB", 1, 3) + bytes(0x18 - 6)
    table = b"".join(
        [
            machines.structure(1, 1, bytes([1, 2, 0, 3]) + bytes(19), "HP", "DL580", "X1"),
            machines.structure(4, 2, cpu + b"\x41" + bytes(7)),
            machines.structure(4, 3, cpu + b"\x00" + bytes(7)),
            machines.memory_array(0x10),
            machines.memory_array(0x11, use=5, ecc=3),
            machines.module(0x20, 0x10, 16384),
            machines.module(0x21, 0x10, 0x7FFF, extended=65536),
            machines.module(0x22, 0x10, 0),
            machines.module(0x23, 0x11, 16),
            machines.port(0x30, "SD Card", ""),
            machines.port(0x31, "J12", "Rear USB #1", connector=18),
            machines.port(0x32, "J132", "Internal USB key #1", connector=18),
            machines.port(0x33, "INT_USB1", ""),
            machines.port(0x34, "USB Port", ""),
            machines.port(0x35, "to IMM", "None"),
            machines.END,
        ]
    )
    machines.put(tmp_path, "sys/firmware/dmi/tables/DMI", table)
    machines.put(tmp_path, "proc/meminfo", "MemTotal:       80000000 kB\n")
    assert values(tmp_path) == {
        "system.vendor": "HP",
        "system.model": "DL580",
        "system.serial": "X1",
        "cpu.sockets": 2,
        "cpu.sockets_populated": 1,
        "memory.slots": 3,
        "memory.dimms_populated": 2,
        "memory.total": 80 << 30,
        "memory.max": 64 << 30,
        "memory.ecc": "multi-bit",
        "ports.internal": ("SD Card", "Internal USB key #1", "INT_USB1", "USB Port"),
    }


@given(st.binary(max_size=400))
def test_any_bytes_as_smbios(table: bytes) -> None:
    """A damaged table gives fewer facts, never an exception."""
    dmi.tell_table(table, FactBook(), "x")
    for cut in range(len(machines.END)):
        list(smbios.parse(machines.END[:cut] + table))


@given(st.text(max_size=300))
def test_any_text_as_cpuinfo(text: str) -> None:
    """Nonsense in place of /proc/cpuinfo is no machine, and no exception."""
    assert all(processor.package >= 0 for processor in processors.parse(text))


def test_it_runs_on_the_standard_library_alone() -> None:
    """The deploy ramdisk has nothing else: no package from outside may be imported."""
    code = (
        "import sys; from provision.host import read_facts; read_facts();"
        "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names);"
        "print(sorted(outside - {'hwprofiles', 'provision', '__main__'}))"
    )
    # -S leaves site-packages out: an import from there would fail.
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert result.stdout.strip() == "[]"
