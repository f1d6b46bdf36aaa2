"""The shipped hypervisor profiles against CPUs of twenty years, by the tables of their sources.

``CPUS`` and ``FATES`` are the tables: a signature mistyped in a profile fails a test here.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import pytest

import hwprofiles
from hwprofiles.deriving import complete
from hwprofiles.facts import Cell, FactBook, Source, Value
from hwprofiles.profile import Profile

INTEL: Final = "GenuineIntel"
AMD: Final = "AuthenticAMD"


class Cpu(NamedTuple):
    """A CPU as any source tells it: leaf 1 EAX taken apart, and the brand string."""

    vendor: str
    family: int
    model: int
    stepping: int
    name: str


CPUS: Final = {
    "Xeon 5160": Cpu(INTEL, 6, 0x0F, 6, "Intel(R) Xeon(R) CPU 5160 @ 3.00GHz"),
    "Xeon X5450": Cpu(INTEL, 6, 0x17, 6, "Intel(R) Xeon(R) CPU X5450 @ 3.00GHz"),
    "Xeon E7450": Cpu(INTEL, 6, 0x1D, 1, "Intel(R) Xeon(R) CPU E7450 @ 2.40GHz"),
    "Xeon X5570": Cpu(INTEL, 6, 0x1A, 5, "Intel(R) Xeon(R) CPU X5570 @ 2.93GHz"),
    "Xeon X7560": Cpu(INTEL, 6, 0x2E, 6, "Intel(R) Xeon(R) CPU X7560 @ 2.27GHz"),
    "Xeon L3406": Cpu(INTEL, 6, 0x25, 5, "Intel(R) Xeon(R) CPU L3406 @ 2.27GHz"),
    "Xeon X5690": Cpu(INTEL, 6, 0x2C, 2, "Intel(R) Xeon(R) CPU X5690 @ 3.47GHz"),
    "Xeon E7-4870": Cpu(INTEL, 6, 0x2F, 2, "Intel(R) Xeon(R) CPU E7- 4870 @ 2.40GHz"),
    "E3-1230": Cpu(INTEL, 6, 0x2A, 7, "Intel(R) Xeon(R) CPU E31230 @ 3.20GHz"),
    "E5-2690": Cpu(INTEL, 6, 0x2D, 7, "Intel(R) Xeon(R) CPU E5-2690 0 @ 2.90GHz"),
    "E3-1230 v2": Cpu(INTEL, 6, 0x3A, 9, "Intel(R) Xeon(R) CPU E3-1230 V2 @ 3.30GHz"),
    "E5-2690 v2": Cpu(INTEL, 6, 0x3E, 4, "Intel(R) Xeon(R) CPU E5-2690 v2 @ 3.00GHz"),
    "E3-1230 v3": Cpu(INTEL, 6, 0x3C, 3, "Intel(R) Xeon(R) CPU E3-1230 v3 @ 3.30GHz"),
    "E5-2690 v3": Cpu(INTEL, 6, 0x3F, 2, "Intel(R) Xeon(R) CPU E5-2690 v3 @ 2.60GHz"),
    "E3-1285 v4": Cpu(INTEL, 6, 0x47, 1, "Intel(R) Xeon(R) CPU E3-1285 v4 @ 3.50GHz"),
    "E5-2690 v4": Cpu(INTEL, 6, 0x4F, 1, "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz"),
    "D-1541": Cpu(INTEL, 6, 0x56, 3, "Intel(R) Xeon(R) CPU D-1541 @ 2.10GHz"),
    "D-1622": Cpu(INTEL, 6, 0x56, 5, "Intel(R) Xeon(R) CPU D-1622 @ 2.60GHz"),
    "E3-1230 v5": Cpu(INTEL, 6, 0x5E, 3, "Intel(R) Xeon(R) CPU E3-1230 v5 @ 3.40GHz"),
    "E3-1230 v6": Cpu(INTEL, 6, 0x9E, 9, "Intel(R) Xeon(R) CPU E3-1230 v6 @ 3.50GHz"),
    "E-2136": Cpu(INTEL, 6, 0x9E, 0xA, "Intel(R) Xeon(R) E-2136 CPU @ 3.30GHz"),
    "E-2288G": Cpu(INTEL, 6, 0x9E, 0xD, "Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz"),
    "C3958": Cpu(INTEL, 6, 0x5F, 1, "Intel(R) Atom(TM) CPU C3958 @ 2.00GHz"),
    "Gold 6130": Cpu(INTEL, 6, 0x55, 4, "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"),
    "D-2146NT": Cpu(INTEL, 6, 0x55, 4, "Intel(R) Xeon(R) D-2146NT CPU @ 2.30GHz"),
    "W-2145": Cpu(INTEL, 6, 0x55, 4, "Intel(R) Xeon(R) W-2145 CPU @ 3.70GHz"),
    "Gold 6248": Cpu(INTEL, 6, 0x55, 7, "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"),
    "Platinum 8380H": Cpu(INTEL, 6, 0x55, 0xB, "Intel(R) Xeon(R) Platinum 8380H CPU @ 2.90GHz"),
    "Gold 6338": Cpu(INTEL, 6, 0x6A, 6, "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz"),
    "Platinum 8480+": Cpu(INTEL, 6, 0x8F, 8, "Intel(R) Xeon(R) Platinum 8480+"),
    "Opteron 2218": Cpu(AMD, 0x0F, 0x41, 2, "Dual-Core AMD Opteron(tm) Processor 2218"),
    "Opteron 2354": Cpu(AMD, 0x10, 0x02, 3, "Quad-Core AMD Opteron(tm) Processor 2354"),
    "Opteron 2376": Cpu(AMD, 0x10, 0x04, 2, "Quad-Core AMD Opteron(tm) Processor 2376"),
    "Opteron 6172": Cpu(AMD, 0x10, 0x09, 1, "AMD Opteron(tm) Processor 6172"),
    "Opteron 6272": Cpu(AMD, 0x15, 0x01, 2, "AMD Opteron(TM) Processor 6272"),
    "Opteron 6376": Cpu(AMD, 0x15, 0x02, 0, "AMD Opteron(tm) Processor 6376"),
    "EPYC 7601": Cpu(AMD, 0x17, 0x01, 2, "AMD EPYC 7601 32-Core Processor"),
    "EPYC 7742": Cpu(AMD, 0x17, 0x31, 0, "AMD EPYC 7742 64-Core Processor"),
    "EPYC 7763": Cpu(AMD, 0x19, 0x01, 1, "AMD EPYC 7763 64-Core Processor"),
    "EPYC 9654": Cpu(AMD, 0x19, 0x11, 1, "AMD EPYC 9654 96-Core Processor"),
    "EPYC 9755": Cpu(AMD, 0x1A, 0x02, 1, "AMD EPYC 9755 128-Core Processor"),
}

#: What the installer says of the CPU in 6.7, 7.0, 8.0 and 9.0: fail, warn or pass.
FATES: Final = {
    "Xeon 5160": "FFFF",
    "Xeon X5450": "FFFF",
    "Xeon E7450": "FFFF",
    "Xeon X5570": "FFFF",
    "Xeon X7560": "FFFF",
    "Xeon L3406": "FFFF",
    "Xeon X5690": "WFFF",
    "Xeon E7-4870": "WFFF",
    "E3-1230": "WWFF",
    "E5-2690": "PWFF",
    "E3-1230 v2": "PWFF",
    "E5-2690 v2": "PPWF",
    "E3-1230 v3": "PPWF",
    "E5-2690 v3": "PPWF",
    "E3-1285 v4": "PPWF",
    "E5-2690 v4": "PPWF",
    "D-1541": "PPWF",
    "D-1622": "PPWP",
    "E3-1230 v5": "PPPW",
    "E3-1230 v6": "PPPF",
    "E-2136": "PPPW",
    "E-2288G": "PPPW",
    "C3958": "PPPW",
    "Gold 6130": "PPPW",
    "D-2146NT": "PPPW",
    "W-2145": "PPPF",
    "Gold 6248": "PPPW",
    "Platinum 8380H": "PPPP",
    "Gold 6338": "PPPP",
    "Platinum 8480+": "PPPP",
    "Opteron 2218": "FFFF",
    "Opteron 2354": "FFFF",
    "Opteron 2376": "FFFF",
    "Opteron 6172": "FFFF",
    "Opteron 6272": "PWFF",
    "Opteron 6376": "PPWF",
    "EPYC 7601": "PPPW",
    "EPYC 7742": "PPPW",
    "EPYC 7763": "PPPP",
    "EPYC 9654": "PPPP",
    "EPYC 9755": "PPPP",
}
RELEASES: Final = ("esxi-6.7", "esxi-7.0", "esxi-8.0", "esxi-9.0")

#: What a server of today tells when nothing is wrong with it.
HEALTHY: Final[dict[str, Value | list[dict[str, Cell]]]] = {
    "system.vendor": "Dell Inc.",
    "system.model": "PowerEdge R760",
    "system.uuid": "4c4c4544-0042-3510-8054-b4c04f4b3033",
    "firmware.boot_mode": "uefi",
    "firmware.secure_boot": "enabled",
    "tpm.present": True,
    "tpm.version": "2.0",
    "cpu.sockets": 2,
    "cpu.sockets_populated": 2,
    "cpu.cores": 32,
    "cpu.threads": 64,
    "cpu.nx": "enabled",
    "cpu.virt.state": "enabled",
    "iommu.state": "enabled",
    "iommu.interrupt_remapping": True,
    "memory.total": 256 << 30,
    "memory.ecc": "multi-bit",
    "boot.device.bus": "nvme",
    "boot.device.size": 480 * 10**9,
    "boot.device.endurance": 876 * 10**12,
    "nics.count": 4,
    "nics.fastest": 25 * 10**9,
    "storage.count": 3,
    "storage.largest": 1920 * 10**9,
    "storage.drives": [
        {"name": "nvme0n1", "size": 480 * 10**9, "bus": "nvme", "media": "ssd"},
        {"name": "nvme1n1", "size": 1920 * 10**9, "bus": "nvme", "media": "ssd"},
        {"name": "nvme2n1", "size": 1920 * 10**9, "bus": "nvme", "media": "ssd"},
    ],
}


def machine(cpu: str, **told: Value | list[dict[str, Cell]] | None) -> FactBook:
    """A healthy machine with that CPU; ``told`` replaces facts (None: not known), ``_`` for ``.``.

    Flags are not told, as a BMC does not: what a signature tells has to do.
    """
    part = CPUS[cpu]
    values: dict[str, Value | list[dict[str, Cell]] | None] = dict(HEALTHY)
    values |= {f"cpu.{name}": value for name, value in part._asdict().items()}
    values |= {name.replace("__", "."): value for name, value in told.items()}
    facts = FactBook()
    for name, value in values.items():
        facts.learn(name, value, Source.USER, "told by hand")
    complete(facts)
    return facts


@cache
def profile(name: str) -> Profile:
    """A shipped profile; reading it takes longer than judging by it."""
    return hwprofiles.load(name)


def outcomes(name: str, facts: FactBook) -> dict[str, str]:
    """Rule -> outcome."""
    return {it.rule: str(it.outcome) for it in hwprofiles.judge(profile(name), facts)}


def fate(found: dict[str, str]) -> str:
    """The worst of what the rules on the CPU's model say."""
    told = {outcome for rule, outcome in found.items() if rule.startswith("cpu.model")}
    return next(letter for letter in "FWUP" if any(word[0].upper() == letter for word in told))


@pytest.mark.parametrize("cpu", CPUS)
def test_esxi_takes_and_refuses_the_cpus_its_installer_does(cpu: str) -> None:
    """Each release's own list, by signature; brands decide only where signatures are shared."""
    told = "".join(fate(outcomes(name, machine(cpu))) for name in RELEASES)
    assert told == FATES[cpu]


@pytest.mark.parametrize("cpu", CPUS)
def test_a_signature_alone_decides_wherever_it_can(cpu: str) -> None:
    """Without a brand string 9.0 leaves open what shares a signature; the others, nothing."""
    nameless = machine(cpu, cpu__name=None)
    assert [fate(outcomes(name, nameless)) for name in RELEASES[:3]] == list(FATES[cpu][:3])
    found = outcomes("esxi-9.0", nameless)
    part = CPUS[cpu]
    shared = (part.model, part.stepping) == (0x55, 4) or part.model == 0x56
    if part.vendor == INTEL and shared:
        assert found["cpu.model.discontinued"] == "unknown"
    else:
        assert fate(found) == FATES[cpu][3]


@pytest.mark.parametrize("name", ["Genuine Intel(R) CPU 0000%@", "INTEL(R) XEON(R) GOLD 6130"])
def test_no_skylake_slips_through_by_its_brand(name: str) -> None:
    """A brand nobody foresaw is still signature 50654h, whose end is 9.2."""
    found = outcomes("esxi-9.0", machine("Gold 6130", cpu__name=name))
    assert found["cpu.model.discontinued"] == "pass"
    assert found["cpu.model.discontinued.9.2"] == "warn"


@pytest.mark.parametrize("cpu", CPUS)
def test_update_2_has_the_list_of_8_0(cpu: str) -> None:
    """And no rule less."""
    assert fate(outcomes("esxi-8.0u2", machine(cpu))) == FATES[cpu][2]
    assert [rule.id for rule in profile("esxi-8.0u2").rules] == [
        rule.id for rule in profile("esxi-8.0").rules
    ]


#: CPU -> x86-64-v2, v3, XSAVE, nested paging (EPT or NPT).
ABILITIES: Final = {
    "Xeon 5160": "----",
    "Xeon X5450": "--?-",
    "Xeon E7450": "----",
    "Xeon X5570": "2--n",
    "Xeon X5690": "2--n",
    "E5-2690": "2-xn",
    "E5-2690 v2": "2-xn",
    "E5-2690 v3": "23xn",
    "E5-2690 v4": "23xn",
    "Gold 6130": "23xn",
    "Gold 6338": "23xn",
    "Opteron 2218": "----",
    "Opteron 2354": "---n",
    "Opteron 2376": "---n",
    "Opteron 6272": "2-xn",
    "EPYC 7601": "23xn",
    "EPYC 9654": "23xn",
}
#: Which rules ask for which of them.
ASKED: Final = (
    (0, "rhel-9-kvm", "cpu.level"),
    (0, "openshift-virtualization", "cpu.level"),
    (0, "hyper-v-2025", "cpu.sse42"),
    (1, "rhel-10-kvm", "cpu.level"),
    (2, "esxi-8.0", "cpu.xsave"),
    (2, "esxi-8.0u2", "cpu.xsave"),
    (2, "esxi-9.0", "cpu.xsave"),
    (3, "esxi-7.0", "cpu.slat"),
    (3, "xcp-ng-8.3", "cpu.slat"),
    (3, "hyper-v-2022", "cpu.slat"),
    (3, "bhyve", "cpu.slat"),
)


@pytest.mark.parametrize("cpu", ABILITIES)
def test_what_a_cpu_has_and_a_release_asks(cpu: str) -> None:
    """Levels, XSAVE and nested paging follow from the signature, without a flag told."""
    facts = machine(cpu)
    for place, name, rule in ASKED:
        letter = ABILITIES[cpu][place]
        expected = {"-": "fail", "?": "unknown"}.get(letter, "pass")
        assert outcomes(name, facts)[rule] == expected, (name, rule)


@pytest.mark.parametrize(
    ("cpu", "ovirt", "azure", "nrip", "unrestricted"),
    [
        ("Xeon E7450", "fail", "fail", "skip", "warn"),
        ("Xeon X5570", "pass", "pass", "skip", "warn"),
        ("Xeon X5690", "pass", "pass", "skip", "pass"),
        ("Opteron 2354", "fail", "fail", "fail", "skip"),
        ("Opteron 6272", "pass", "fail", "pass", "skip"),
        ("EPYC 7601", "pass", "pass", "pass", "skip"),
        ("EPYC 9654", "pass", "pass", "pass", "skip"),
    ],
)
def test_who_lists_which_generation(
    cpu: str, ovirt: str, azure: str, nrip: str, unrestricted: str
) -> None:
    """oVirt from Nehalem and Bulldozer, Azure Local from Nehalem and EPYC, bhyve by feature."""
    facts = machine(cpu)
    assert outcomes("ovirt-4.5", facts)["cpu.model.supported"] == ovirt
    assert outcomes("azure-local-23h2", facts)["cpu.model.supported"] == azure
    found = outcomes("bhyve", facts)
    assert (found["cpu.nrip_save"], found["cpu.unrestricted"]) == (nrip, unrestricted)


def test_shanghai_saves_the_next_rip() -> None:
    """The recorded dumps part Barcelona from its successor; only flags could say it sooner."""
    assert outcomes("bhyve", machine("Opteron 2376"))["cpu.nrip_save"] == "pass"
    with_flag = machine("Opteron 2376", cpu__flags=("lm", "npt", "nrip_save"))
    assert outcomes("bhyve", with_flag)["cpu.nrip_save"] == "pass"
