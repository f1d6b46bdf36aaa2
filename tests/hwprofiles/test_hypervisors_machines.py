"""The shipped hypervisor profiles against whole machines: memory, boot devices, firmware, ports."""

from __future__ import annotations

from typing import Any, Final

import pytest

import hwprofiles
from hwprofiles.deriving import complete
from hwprofiles.facts import FactBook, Source
from tests.hwprofiles.test_hypervisors import HEALTHY, machine, outcomes, profile

NAMES: Final = hwprofiles.names()
GB: Final = 10**9
GIB: Final = 1 << 30

#: What suits most profiles, by CPU and what departs from ``HEALTHY``.
ERAS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "esx-3i": (
        "Xeon X5450",
        {
            "memory__total": 32 * GIB,
            "cpu__cores": 8,
            "cpu__threads": 8,
            "firmware__boot_mode": "bios",
            "boot__device__bus": "usb",
            "boot__device__size": 2 * GB,
            "nics__fastest": GB,
            "ports__connectors": [{"internal": "USB Port", "type": "USB"}],
        },
    ),
    "xenserver-4": (
        "Opteron 2218",
        {
            "memory__total": 16 * GIB,
            "firmware__boot_mode": "bios",
            "boot__device__bus": "usb",
            "boot__device__size": 4 * GB,
            "nics__fastest": GB,
        },
    ),
    "esxi-6.7": ("E5-2690 v4", {}),
    "esxi-7.0": ("Gold 6130", {}),
    "xen-4.17": ("Gold 6338", {"firmware__secure_boot": "disabled"}),
    "xcp-ng-8.2": ("Gold 6130", {}),
    "xenserver-8": ("Gold 6248", {}),
}


def era(name: str) -> FactBook:
    """A machine of the profile's own time, healthy in every way."""
    cpu, told = ERAS.get(name, ("EPYC 7763", {}))
    flags = {"EPYC 7763": ("lm", "lahf_lm", "cx16", "npt", "nrip_save")}
    facts = machine(cpu, **told)
    if cpu in flags:
        facts.learn("cpu.flags", flags[cpu], Source.PROCFS, "/proc/cpuinfo")
    return facts


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_machine_of_its_era_passes(name: str) -> None:
    """Nothing failed, nothing warned about, nothing left open, nothing to remark."""
    left = {
        rule: it for rule, it in outcomes(name, era(name)).items() if it not in ("pass", "skip")
    }
    assert not left


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_never_fails(name: str) -> None:
    """Knowing nothing, or one thing less of a healthy machine: open, warned about, not failed."""
    assert "fail" not in outcomes(name, FactBook()).values()
    assert "pass" not in outcomes(name, FactBook()).values()
    whole = era(name)
    for missing in whole:
        less = FactBook({fact: it for fact, it in whole.items() if fact != missing})
        assert "fail" not in outcomes(name, less).values(), missing


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", ["disabled", "locked", "off-or-hidden", "unsupported"])
def test_virtualization_off_fails_or_warns(name: str, state: str) -> None:
    """With the switch to turn. What of 2007 runs without it warns; its AMDs need it the least."""
    cpu = "Xeon X5450" if name in ("esx-3i", "xenserver-4") else "Gold 6338"
    facts = machine(cpu, cpu__virt__state=state)
    findings = {it.rule: it for it in hwprofiles.judge(profile(name), facts)}
    finding = findings["cpu.guests64" if name == "esx-3i" else "cpu.virt"]
    assert finding.outcome == ("warn" if name in ("esx-3i", "xenserver-4") else "fail")
    assert finding.fix_redfish == {"virtualization": "enabled"}


#: Profile, facts that depart from ``HEALTHY``, rule, outcome.
CASES: Final[list[tuple[str, dict[str, Any], str, str]]] = [
    ("esxi-8.0", {"cpu__nx": "disabled"}, "cpu.nx", "fail"),
    ("esxi-8.0", {"nics__fastest": None}, "net.nic", "warn"),
    # A 16 GB SATADOM does; a stick does not, unless a disk takes ESX-OSData.
    ("esxi-6.7", {"boot__device__size": 16 * GB}, "boot.size", "pass"),
    ("esxi-7.0", {"boot__device__size": 16 * GB, "boot__device__bus": "sata"}, "boot.size", "fail"),
    ("esxi-7.0", {"boot__device__size": 16 * GB, "boot__device__bus": "sd"}, "boot.size", "pass"),
    ("esxi-7.0", {"boot__device__bus": "sd"}, "boot.media", "warn"),
    ("esxi-8.0", {"boot__device__size": 16 * GB}, "boot.size", "fail"),
    ("esxi-8.0", {"boot__device__bus": "usb"}, "boot.media", "pass"),
    ("esxi-8.0", {"boot__device__bus": "usb", "storage__largest": 64 * GB}, "boot.media", "warn"),
    ("esxi-8.0", {"boot__device__endurance": None}, "boot.endurance", "warn"),
    ("esxi-8.0", {"firmware__boot_mode": "bios"}, "firmware.uefi", "warn"),
    ("esxi-8.0u2", {"firmware__boot_mode": "bios"}, "firmware.uefi", "warn"),
    ("esxi-9.0", {"firmware__boot_mode": "bios"}, "firmware.uefi", "fail"),
    ("esxi-8.0", {"tpm__version": "1.2"}, "tpm", "info"),
    ("esxi-7.0", {"tpm__present": False, "tpm__version": None}, "tpm", "skip"),
    ("xcp-ng-8.3", {"boot__device__bus": "sd"}, "boot.media", "warn"),
    ("xenserver-8", {"boot__device__bus": "usb"}, "boot.media", "fail"),
    ("xcp-ng-8.3", {"iommu__state": "disabled"}, "iommu", "warn"),
    ("xen-4.17", {"firmware__secure_boot": "enabled"}, "firmware.secure_boot", "warn"),
    ("proxmox-ve-9", {"storage__drives": [{"media": "hdd"}]}, "storage.ssd", "info"),
    ("rhel-9-kvm", {"boot__device__size": 16 * GB}, "boot.size", "fail"),
    ("harvester-1.3", {"storage__largest": 200 * GB, "storage__count": 1}, "storage.size", "fail"),
    ("harvester-1.3", {"storage__largest": 200 * GB, "storage__count": 2}, "storage.size", "pass"),
    (
        "harvester-1.3",
        {"system__uuid": "03000200-0400-0500-0006-000700080009"},
        "system.uuid",
        "fail",
    ),
    ("openshift-virtualization", {"cpu__nx": "disabled"}, "cpu.nx", "fail"),
    ("hyper-v-2025", {"memory__ecc": "none"}, "memory.ecc", "warn"),
    ("hyper-v-2022", {"tpm__version": "1.2"}, "tpm.version", "warn"),
    ("hyper-v-2022", {"iommu__interrupt_remapping": False}, "iommu.interrupt_remapping", "info"),
    ("azure-local-23h2", {"memory__ecc": "none"}, "memory.ecc", "fail"),
    ("azure-local-23h2", {"tpm__version": "1.2"}, "tpm", "fail"),
    ("azure-local-23h2", {"firmware__secure_boot": "disabled"}, "firmware.secure_boot", "fail"),
    ("azure-local-23h2", {"firmware__boot_mode": "bios"}, "firmware.secure_boot", "fail"),
    ("azure-local-23h2", {"storage__drives": [{"size": 480 * GB}] * 4}, "storage.data", "fail"),
    ("azure-local-23h2", {"storage__drives": [{"size": 500 * GB}] * 2}, "storage.data", "pass"),
    ("azure-local-23h2", {"storage__drives": [{"size": 960 * GB}, {}]}, "storage.data", "unknown"),
    ("esx-3i", {"cpu__cores": 1, "cpu__sockets_populated": 1}, "cpu.cores", "fail"),
    ("esx-3i", {"cpu__cores": None, "cpu__sockets_populated": 2}, "cpu.cores", "pass"),
    ("esx-3i", {}, "cpu.generation", "warn"),
    ("esx-3i", {"nics__count": 0, "onboard__devices": []}, "net.nic", "fail"),
    (
        "xenserver-4",
        {"boot__device__bus": "sata", "boot__device__size": 8 * GB},
        "boot.size",
        "fail",
    ),
]


@pytest.mark.parametrize(("name", "told", "rule", "expected"), CASES)
def test_what_a_setting_or_a_part_costs(
    name: str, told: dict[str, Any], rule: str, expected: str
) -> None:
    """What is no number of its own; those are in ``test_hypervisors_limits``."""
    assert outcomes(name, machine("EPYC 7763", **told))[rule] == expected


@pytest.mark.parametrize(
    ("connector", "expected"),
    [
        ({"internal": "SD Card"}, "pass"),  # PowerEdge R805
        ({"internal": "INT_SD"}, "pass"),  # Dell 11G
        ({"internal": "Internal USB port 1"}, "pass"),  # Dell 13G and later
        ({"internal": "USB Port 8 Internal Hypervisor"}, "pass"),  # System x3550 M4
        ({"internal": "Port6 - Hypervisor Key"}, "pass"),  # Flex x240
        ({"internal": "J6 - Internal USB"}, "pass"),  # Cisco C220 M4
        ({"external": "Internal USB key #1"}, "pass"),  # HPE Gen10
        ({"external": "USB_HYPERVISOR"}, "pass"),  # ThinkSystem SR250
        ({"internal": "J1A1", "external": "USB0"}, "skip"),
        ({"external": "Front USB port 1"}, "skip"),
    ],
)
def test_the_port_for_the_stick(connector: dict[str, str], expected: str) -> None:
    """Ports that boards name inside are found and named; where none is, nothing is proven."""
    facts = machine("Xeon X5450", ports__connectors=[{"external": "COM1"}, {**connector}])
    finding = next(
        it for it in hwprofiles.judge(profile("esx-3i"), facts) if it.rule == "boot.port"
    )
    assert finding.outcome == expected
    assert expected == "skip" or next(iter(connector.values())) in finding.found


def founding_machine() -> FactBook:
    """What the SMBIOS table of a PowerEdge R805 tells, and not a word more."""
    facts = FactBook()
    told: dict[str, Any] = {
        "system.vendor": "Dell Inc.",
        "system.model": "PowerEdge R805",
        "cpu.vendor": "AuthenticAMD",
        "cpu.name": "Quad-Core AMD Opteron(tm) Processor 2376",
        "cpu.family": 0x10,
        "cpu.model": 4,
        "cpu.stepping": 2,
        "cpu.sockets": 2,
        "cpu.sockets_populated": 2,
        "cpu.cores": 8,
        "cpu.threads": 8,
        "memory.total": 128 * GIB,
        "memory.max": 128 * GIB,
        "memory.ecc": "multi-bit",
        "ports.internal": ("USB Port", "SD Card"),
        "ports.connectors": [
            {"type": "Video Port"},
            {"internal": "USB Port", "type": "USB"},
            {"internal": "SD Card", "type": "USB"},
            {"type": "Network Port"},
        ],
        "onboard.devices": [{"name": "Broadcom 5708", "type": "ethernet"}] * 4,
    }
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "type 1 to 41")
    complete(facts)
    return facts


def test_the_founding_machine_suits_its_hypervisor() -> None:
    """Its SMBIOS table is enough: nothing failed, nothing open, and the SD slot is named."""
    findings = hwprofiles.judge(profile("esx-3i"), founding_machine())
    assert {str(it.outcome) for it in findings} == {"pass", "skip"}
    port = next(it for it in findings if it.rule == "boot.port")
    assert (port.outcome, "SD Card" in port.found) == ("pass", True)


@pytest.mark.parametrize("name", ["esxi-8.0", "esxi-8.0u2", "esxi-9.0"])
def test_and_no_hypervisor_of_today(name: str) -> None:
    """By signature alone: no XSAVE, and long off the list."""
    found = outcomes(name, founding_machine())
    assert found["cpu.xsave"] == "fail"
    listed = "cpu.model.listed" if name == "esxi-9.0" else "cpu.model.discontinued"
    assert found[listed] == "fail"


def test_healthy_is_in_the_catalogue() -> None:
    """The machine above is made of facts that collectors can tell."""
    assert set(HEALTHY) <= set(hwprofiles.facts.CATALOGUE)
