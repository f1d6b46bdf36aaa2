"""A directory laid out like ``/`` is read as that machine, with root's files and without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import CATALOGUE
from provision.host import processors, read_facts
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


@given(st.text(max_size=300))
def test_any_text_as_cpuinfo(text: str) -> None:
    """Nonsense in place of /proc/cpuinfo is no machine, and no exception."""
    packages = [processor.package for processor in processors.parse(text)]
    assert all(package is None or package >= 0 for package in packages)


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


def test_a_pipe_where_a_file_should_be(tmp_path: Path) -> None:
    """A directory from elsewhere may hold anything; nobody is waited for."""
    for name in ("proc/cpuinfo", "proc/meminfo", "sys/firmware/dmi/tables/DMI"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(tmp_path / name)
    assert not read_facts(tmp_path)
