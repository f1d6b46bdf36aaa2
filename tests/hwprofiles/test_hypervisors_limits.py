"""Every number of the hypervisor profiles from both sides, and the rarer signatures one by one."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.hwprofiles.test_hypervisors import AMD, INTEL, machine, outcomes

MB: Final = 10**6
GB: Final = 10**9
MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40
MBIT: Final = 10**6

#: Profile, rule, fact, and the least value that is enough (memory: less the tolerance).
AT_LEAST: Final = [
    ("esxi-6.7", "memory.size", "memory.total", 3968 * MIB),
    ("esxi-6.7", "memory.size.recommended", "memory.total", 7936 * MIB),
    ("esxi-7.0", "memory.size", "memory.total", 3968 * MIB),
    ("esxi-7.0", "memory.size.documented", "memory.total", 7936 * MIB),
    ("esxi-8.0", "memory.size", "memory.total", 7936 * MIB),
    ("esxi-8.0", "memory.size.recommended", "memory.total", 11904 * MIB),
    ("esxi-9.0", "memory.size", "memory.total", 7936 * MIB),
    ("esx-3i", "memory.size", "memory.total", GIB * 9 // 10 + 1),
    ("esx-3i", "memory.recommended", "memory.total", GIB * 18 // 10 + 1),
    ("xen-4.17", "memory.size", "memory.total", GIB * 9 // 10 + 1),
    ("xen-4.17", "memory.recommended", "memory.total", GIB * 18 // 10 + 1),
    ("xenserver-4", "memory.size", "memory.total", GIB * 9 // 10 + 1),
    ("xenserver-8", "memory.size", "memory.total", GIB * 18 // 10 + 1),
    ("xenserver-8", "memory.recommended", "memory.total", GIB * 36 // 10 + 1),
    ("xcp-ng-8.2", "memory.recommended", "memory.total", GIB * 36 // 10 + 1),
    ("xcp-ng-8.3", "memory.size", "memory.total", GIB * 18 // 10 + 1),
    ("xcp-ng-8.3", "memory.recommended", "memory.total", GIB * 72 // 10 + 1),
    ("proxmox-ve-8", "memory.size", "memory.total", 900 * MB),
    ("proxmox-ve-9", "memory.recommended", "memory.total", 1800 * MB),
    ("rhel-9-kvm", "memory.size", "memory.total", GIB * 18 // 10 + 1),
    ("ovirt-4.5", "memory.size", "memory.total", GIB * 18 // 10 + 1),
    ("harvester-1.3", "memory.size", "memory.total", GIB * 288 // 10 + 1),
    ("harvester-1.3", "memory.production", "memory.total", GIB * 576 // 10 + 1),
    ("hyper-v-2022", "memory.size", "memory.total", GIB * 18 // 10 + 1),
    ("hyper-v-2025", "memory.recommended", "memory.total", GIB * 36 // 10 + 1),
    ("azure-local-23h2", "memory.size", "memory.total", GIB * 288 // 10 + 1),
    ("esxi-6.7", "boot.size", "boot.device.size", GB),
    ("esxi-7.0", "boot.size", "boot.device.size", 32 * GB),
    ("esxi-8.0", "boot.size", "boot.device.size", 32 * GB),
    ("esxi-9.0", "boot.size", "boot.device.size", 128 * GB),
    ("esx-3i", "boot.size", "boot.device.size", 32 * MB),
    ("esx-3i", "boot.size.usual", "boot.device.size", GB),
    ("xen-4.17", "boot.size", "boot.device.size", 32 * MIB),
    ("xenserver-4", "boot.size", "boot.device.size", 16 * GB),
    ("xcp-ng-8.3", "boot.size", "boot.device.size", 46 * GB),
    ("xenserver-8", "boot.size.recommended", "boot.device.size", 70 * GB),
    ("rhel-9-kvm", "boot.size", "boot.device.size", 20 * GB),
    ("ovirt-4.5", "boot.size", "boot.device.size", 64 * GIB),
    ("hyper-v-2022", "boot.size", "boot.device.size", 32 * GB),
    ("azure-local-23h2", "boot.size", "boot.device.size", 200 * GB),
    ("esxi-8.0", "boot.endurance", "boot.device.endurance", 128 * 10**12),
    ("harvester-1.3", "storage.production", "storage.largest", 500 * GB),
    ("esx-3i", "cpu.cores", "cpu.cores", 2),
    ("esxi-6.7", "cpu.cores", "cpu.cores", 2),
    ("harvester-1.3", "cpu.cores", "cpu.cores", 8),
    ("harvester-1.3", "cpu.cores.production", "cpu.cores", 16),
    ("esx-3i", "net.nic", "nics.count", 1),
    ("proxmox-ve-9", "net.nic", "nics.count", 1),
    ("proxmox-ve-9", "net.redundant", "nics.count", 2),
    ("ubuntu-kvm", "net.nic", "nics.count", 1),
    ("harvester-1.3", "net.redundant", "nics.count", 2),
    ("azure-local-23h2", "net.nic", "nics.count", 2),
    ("xcp-ng-8.3", "net.redundant", "nics.count", 2),
    ("xenserver-4", "net.nic", "nics.count", 1),
    ("esx-3i", "net.speed", "nics.fastest", 1000 * MBIT),
    ("esxi-8.0", "net.nic", "nics.fastest", 1000 * MBIT),
    ("xenserver-4", "net.speed", "nics.fastest", 100 * MBIT),
    ("xcp-ng-8.3", "net.nic", "nics.fastest", 100 * MBIT),
    ("xcp-ng-8.3", "net.speed", "nics.fastest", 1000 * MBIT),
    ("proxmox-ve-8", "net.speed", "nics.fastest", 1000 * MBIT),
    ("harvester-1.3", "net.nic", "nics.fastest", 1000 * MBIT),
    ("harvester-1.3", "net.production", "nics.fastest", 10000 * MBIT),
    ("hyper-v-2022", "net.nic", "nics.fastest", 1000 * MBIT),
    ("azure-local-23h2", "net.speed", "nics.fastest", 1000 * MBIT),
]
#: The same with the greatest value that is not too much.
AT_MOST: Final = [
    ("esx-3i", "memory.supported", "memory.total", 256 * GIB),
    ("esxi-6.7", "memory.supported", "memory.total", 16 * TIB),
    ("esxi-7.0", "memory.supported", "memory.total", 24 * TIB),
    ("esxi-8.0", "memory.supported", "memory.total", 24 * TIB),
    ("xen-4.17", "memory.supported", "memory.total", 12 * TIB),
    ("xenserver-4", "memory.supported", "memory.total", 128 * GIB),
    ("xenserver-8", "memory.supported", "memory.total", 6 * TIB),
    ("xcp-ng-8.3", "memory.supported", "memory.total", 6 * TIB),
    ("proxmox-ve-9", "memory.supported", "memory.total", 12 * TIB),
    ("rhel-9-kvm", "memory.supported", "memory.total", 64 * TIB),
    ("hyper-v-2022", "memory.supported", "memory.total", 256 * TIB),
    ("azure-local-23h2", "memory.supported", "memory.total", 24 * TIB),
    ("esx-3i", "cpu.threads.supported", "cpu.threads", 32),
    ("esxi-6.7", "cpu.threads.supported", "cpu.threads", 768),
    ("esxi-7.0", "cpu.threads.supported", "cpu.threads", 896),
    ("esxi-8.0", "cpu.threads.supported", "cpu.threads", 960),
    ("xenserver-8", "cpu.threads.supported", "cpu.threads", 960),
    ("xcp-ng-8.2", "cpu.threads.supported", "cpu.threads", 448),
    ("xcp-ng-8.3", "cpu.threads.supported", "cpu.threads", 960),
    ("proxmox-ve-8", "cpu.threads.supported", "cpu.threads", 8192),
    ("rhel-9-kvm", "cpu.threads.supported", "cpu.threads", 1792),
    ("hyper-v-2022", "cpu.threads.supported", "cpu.threads", 1024),
    ("hyper-v-2025", "cpu.threads.supported", "cpu.threads", 2048),
    ("azure-local-23h2", "cpu.threads.supported", "cpu.threads", 512),
    ("xcp-ng-8.3", "net.supported", "nics.count", 16),
    ("xenserver-8", "net.supported", "nics.count", 16),
]
#: Facts that would answer an ``any`` in place of the one that is asked.
OTHERWISE: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("esxi-7.0", "boot.size"): {"boot__device__bus": "sata"},
    ("xenserver-4", "boot.size"): {"boot__device__bus": "sata"},
    ("esx-3i", "cpu.cores"): {"cpu__sockets_populated": 1},
    ("esx-3i", "net.nic"): {"onboard__devices": []},
    ("xenserver-4", "net.nic"): {"onboard__devices": []},
}


BOUNDS: Final = [*((*row, -1) for row in AT_LEAST), *((*row, 1) for row in AT_MOST)]


@pytest.mark.parametrize(("name", "rule", "fact", "bound", "step"), BOUNDS)
def test_every_number_from_both_sides(
    name: str, rule: str, fact: str, bound: int, step: int
) -> None:
    """The last value that will do passes, and the next one beyond it does not."""
    others = OTHERWISE.get((name, rule), {})

    def found(value: int) -> str:
        told = {**others, fact.replace(".", "__"): value}
        return outcomes(name, machine("Gold 6338", **told))[rule]

    assert found(bound) == "pass"
    assert found(bound + step) in ("fail", "warn", "info")


@pytest.mark.parametrize(
    ("name", "rule", "bound"),
    [
        ("esxi-8.0", "boot.media", 128 * GB),
        ("esxi-6.7", "boot.scratch", 5200 * MB),
        ("harvester-1.3", "storage.size", 250 * GB),
    ],
)
def test_disks_beside_the_boot_device(name: str, rule: str, bound: int) -> None:
    """A stick may boot what a disk of this size completes; Harvester takes several smaller ones."""

    def found(largest: int, count: int = 1) -> str:
        facts = machine(
            "Gold 6338", boot__device__bus="usb", storage__largest=largest, storage__count=count
        )
        return outcomes(name, facts)[rule]

    assert found(bound) == "pass"
    assert found(bound - 1) in ("fail", "warn", "info")
    if rule == "storage.size":
        assert (found(180 * GB, 2), found(180 * GB - 1, 2)) == ("pass", "fail")


def test_the_scratch_partition_fits_the_boot_disk() -> None:
    """A local disk that boots holds it itself."""
    for size, expected in ((5200 * MB, "pass"), (5200 * MB - 1, "info")):
        facts = machine("Gold 6338", boot__device__size=size, storage__largest=GB)
        assert outcomes("esxi-6.7", facts)["boot.scratch"] == expected


OLD_CORE: Final = [(INTEL, 6, model) for model in (0x0E, 0x0F, 0x16, 0x17, 0x1D)]
NETBURST: Final = [(INTEL, 0x0F, 4)]
PHI: Final = [(INTEL, 6, 0x57), (INTEL, 6, 0x85), (INTEL, 0x0B, 1)]
HASWELL_TO_BROADWELL: Final = [
    (INTEL, 6, model) for model in (0x3C, 0x3D, 0x3F, 0x45, 0x46, 0x47, 0x4F, 0x56)
]
NEHALEM: Final = [(INTEL, 6, model) for model in (0x1A, 0x1E, 0x2E)]
#: Profile, rule, signatures that do not meet it, signatures that do.
SIGNATURES: Final = [
    ("azure-local-23h2", "cpu.model.supported", [*OLD_CORE, *NETBURST, PHI[2]], NEHALEM),
    ("ovirt-4.5", "cpu.model.supported", [*OLD_CORE, *NETBURST, PHI[2]], NEHALEM),
    (
        "bhyve",
        "cpu.unrestricted",
        [*NETBURST, *NEHALEM, *((INTEL, 6, model) for model in (0x0F, 0x17, 0x1D))],
        [(INTEL, 6, model) for model in (0x25, 0x2C, 0x2F, 0x2A)],
    ),
    (
        "bhyve",
        "cpu.nrip_save",
        [(AMD, 0x10, 0x02), (AMD, 0x10, 0x00)],
        [(AMD, 0x10, 0x04), (AMD, 0x10, 0x08), (AMD, 0x15, 0x01)],
    ),
    (
        "esx-3i",
        "cpu.generation",
        [(INTEL, 6, 0x2C), (INTEL, 6, 0x2D), (AMD, 0x15, 1), (AMD, 0x17, 1), PHI[2]],
        [
            *OLD_CORE,
            *NETBURST,
            (INTEL, 6, 0x1A),
            (INTEL, 6, 0x1E),
            (AMD, 0x0F, 0x21),
            (AMD, 0x10, 2),
        ],
    ),
    (
        "esx-3i",
        "cpu.guests64",
        [],
        [(AMD, 0x0F, 0x20), (AMD, 0x10, 0x00), (AMD, 0x17, 0x01)],
    ),
    # Older ones are not refused by signature: Intel had NetBurst with and without 64 bits.
    ("ubuntu-kvm", "cpu.x86-64", [], [(AMD, 0x0F, 0x05), (INTEL, 6, 0x0F), (AMD, 0x17, 0x01)]),
    ("xenserver-4", "cpu.x86-64", [], [(AMD, 0x0F, 0x05), (INTEL, 6, 0x0F)]),
    ("xen-4.17", "cpu.phi", PHI, [(INTEL, 6, 0x55), (INTEL, 6, 0x6A), *NETBURST]),
    ("esxi-6.7", "cpu.model.discontinued", NETBURST, [(INTEL, 6, 0x37)]),
    ("esxi-7.0", "cpu.model.discontinued", NETBURST, [(INTEL, 6, 0x37), (INTEL, 6, 0x3A)]),
    (
        "esxi-8.0",
        "cpu.model.discontinued",
        [*NETBURST, (INTEL, 6, 0x36), (INTEL, 6, 0x2C)],
        [(INTEL, 6, 0x2A), (INTEL, 6, 0x2D), (INTEL, 6, 0x3A), (AMD, 0x15, 1)],
    ),
    (
        "esxi-8.0",
        "cpu.model.deprecated",
        [
            *(
                (INTEL, 6, model)
                for model in (0x3C, 0x3D, 0x3E, 0x3F, 0x45, 0x46, 0x47, 0x4F, 0x56)
            ),
            (AMD, 0x15, 0x02),
            (AMD, 0x15, 0x30),
            (AMD, 0x16, 0x00),
        ],
        [(INTEL, 6, 0x55), (AMD, 0x15, 0x60), (AMD, 0x16, 0x30), (AMD, 0x17, 0x01)],
    ),
    (
        "esxi-9.0",
        "cpu.model.listed",
        [*NETBURST, *PHI, (INTEL, 6, 0x4D), (INTEL, 6, 0x46), (AMD, 0x16, 0x30)],
        [(INTEL, 6, 0x55), (INTEL, 6, 0x5F), (INTEL, 6, 0x6A), (AMD, 0x17, 0x01)],
    ),
]


@pytest.mark.parametrize(("name", "rule", "misses", "meets"), SIGNATURES)
def test_rarer_signatures(
    name: str, rule: str, misses: list[tuple[str, int, int]], meets: list[tuple[str, int, int]]
) -> None:
    """Each model number that a profile lists is listed for a reason, and none beside it."""
    for parts, expected in ((misses, {"fail", "warn"}), (meets, {"pass"})):
        for vendor, family, model in parts:
            facts = machine(
                "Gold 6338",
                cpu__vendor=vendor,
                cpu__family=family,
                cpu__model=model,
                cpu__name=None,
                cpu__virt__slat=True,
            )
            assert outcomes(name, facts)[rule] in expected, (vendor, hex(family), hex(model))


@pytest.mark.parametrize("stepping", range(16))
def test_steppings_that_9_0_tells_apart(stepping: int) -> None:
    """Skylake, Cascade and Cooper Lake share a model, as do Kaby and Coffee Lake."""
    lake = outcomes("esxi-9.0", machine("Gold 6248", cpu__stepping=stepping))
    assert lake["cpu.model.deprecated"] == ("warn" if stepping in (6, 7) else "pass")
    assert lake["cpu.model.discontinued.9.2"] == ("warn" if stepping == 4 else "pass")
    coffee = outcomes("esxi-9.0", machine("E-2136", cpu__stepping=stepping))
    assert coffee["cpu.model.deprecated"] == ("warn" if stepping in range(0xA, 0xE) else "pass")
    assert coffee["cpu.model.discontinued"] == ("fail" if stepping == 9 else "pass")


def test_32_bit_opterons_and_those_before_revision_e() -> None:
    """What cannot run 64-bit guests is not said to; nor is it said not to where VT is not told."""
    early = machine("Opteron 2218", cpu__model=0x05, cpu__virt__state="unsupported", cpu__name=None)
    assert outcomes("esx-3i", early)["cpu.guests64"] == "warn"
    intel = machine("Xeon X5450", cpu__virt__state=None)
    assert outcomes("esx-3i", intel)["cpu.guests64"] == "skip"
