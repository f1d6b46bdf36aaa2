"""CPUID and MSRs decoded: what bits mean, what stays open, and where packages differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook
from provision.host import msr, topology, x86
from provision.host.cpuid import Registers
from tests.host import cpus


def told(*machine: tuple[cpus.Leaves, dict[int, int]]) -> FactBook:
    """The facts of logical CPUs."""
    facts = FactBook()
    x86.tell_cpus([cpus.cpu(leaves, msrs) for leaves, msrs in machine], facts, "dump")
    return facts


def values(facts: FactBook, *names: str) -> list[Any]:
    """Values; None for what is not told."""
    return [facts[name].value if name in facts else None for name in names]


def test_a_xeon() -> None:
    """Vendor, signature, brand without surplus blanks, flags in Linux' names, address bits."""
    facts = told((cpus.xeon(), {}))
    assert values(facts, "cpu.vendor", "cpu.family", "cpu.model", "cpu.stepping") == [
        "GenuineIntel",
        6,
        0x6A,
        6,
    ]
    assert facts["cpu.name"].value == "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz"
    assert facts["cpu.address_bits"].value == 52
    flags = facts["cpu.flags"].value
    assert isinstance(flags, tuple)
    assert {"pni", "vmx", "lm", "nx", "lahf_lm", "abm", "avx512f", "xsaves", "nonstop_tsc"} < set(
        flags
    )
    assert {"osxsave", "svm", "npt", "ept", "hypervisor"}.isdisjoint(flags)


@pytest.mark.parametrize(
    ("value", "state"),
    [(0x5, "enabled"), (0x1, "disabled"), (0x3, "disabled"), (0x0, "unlocked"), (None, "capable")],
)
def test_feature_control(value: int | None, state: str) -> None:
    """MSR 3Ah decides; without it the flag proves what the part can and no more."""
    facts = told((cpus.xeon(), {} if value is None else {0x3A: value}))
    assert values(facts, "cpu.virt.state", "cpu.virt.feature") == [state, "vmx"]
    assert facts["cpu.virt.state"].source == ("cpuid" if value is None else "msr")


@pytest.mark.parametrize(
    ("vm_cr", "svm", "state"),
    [(0x0, 0x7, "enabled"), (0x10, 0x3, "disabled"), (0x18, 0x7, "locked"), (None, 7, "capable")],
)
def test_vm_cr(vm_cr: int | None, svm: int, state: str) -> None:
    """SVMDIS decides; with SVML the lock has a key."""
    msrs = {} if vm_cr is None else {0xC0010114: vm_cr}
    assert values(told((cpus.opteron(svm=svm), msrs)), "cpu.virt.state") == [state]


def test_a_guest_says_nothing_of_its_host() -> None:
    """The hypervisor bit stops the verdict, the microcode, SLAT and the erratum."""
    facts = told((cpus.xeon(ecx=0x77FEFBFF | cpus.HYPERVISOR), cpus.ENABLED))
    assert values(facts, "cpu.virt.state", "cpu.virt.slat", "cpu.microcode") == [
        "guest",
        None,
        None,
    ]
    guest = cpus.opteron()
    guest[1, 0] = guest[1, 0]._replace(ecx=guest[1, 0].ecx | cpus.HYPERVISOR)
    assert "cpu.erratum_298" not in told((guest, cpus.MITIGATED))


@pytest.mark.parametrize(
    ("msrs", "slat"),
    [
        (cpus.ENABLED, True),
        (cpus.ENABLED | {0x48B: 0x80 << 32}, False),
        (cpus.ENABLED | {0x482: 0x401E172}, False),  # no secondary controls at all
        ({0x48B: 0x22 << 32}, True),
        ({0x48B: 0, 0x482: 0}, None),
        ({0x3A: 5}, None),
    ],
)
def test_ept(msrs: dict[int, int], slat: bool | None) -> None:
    """MSR 48Bh tells, where 482h says that it exists; nothing is told of what nobody read."""
    assert values(told((cpus.xeon(), msrs)), "cpu.virt.slat") == [slat]


def test_vmx_flags() -> None:
    """The capability MSRs become the flags that Linux prints in its line "vmx flags"."""
    flags = told((cpus.xeon(), cpus.ENABLED | {0x48C: 1 << 21}))["cpu.flags"].value
    assert isinstance(flags, tuple)
    assert {"ept", "vpid", "unrestricted_guest", "ept_ad"} < set(flags)
    assert {"pml", "ept_5level"}.isdisjoint(flags)


@pytest.mark.parametrize(("svm", "slat"), [(0x7, True), (0x6, False)])
def test_npt(svm: int, slat: bool) -> None:
    """Leaf 8000000Ah tells; K8 of revision F has SVM without NPT."""
    assert values(told((cpus.opteron(svm=svm), {})), "cpu.virt.slat") == [slat]


@pytest.mark.parametrize(
    ("eax", "msrs", "word"),
    [
        (0x00100F2A, cpus.MITIGATED, "mitigated"),
        (0x00100F22, cpus.UNMITIGATED, "unmitigated"),
        (0x00100F2A, cpus.MITIGATED | {0xC0011023: 0xA00020}, "unmitigated"),
        (0x00100F21, cpus.MITIGATED | {0xC0010141: 0}, "not-affected"),  # so says the BIOS
        (0x00100F22, {}, "unknown"),
        (0x00100F22, {0xC0010015: 0x19}, "unknown"),
        (0x00100F23, {}, "not-affected"),
        (0x00100F42, {}, "not-affected"),
        (0x00040F12, {}, None),
    ],
)
def test_erratum_298(eax: int, msrs: dict[int, int], word: str | None) -> None:
    """B1, B2 and BA have it; only both bits of the workaround together make it good."""
    assert values(told((cpus.opteron(eax=eax), msrs)), "cpu.erratum_298") == [word]


def test_microcode() -> None:
    """MSR 8Bh: the upper half on Intel, the lower on AMD; 0 is none."""
    assert values(told((cpus.xeon(), cpus.ENABLED)), "cpu.microcode") == ["0xd000404"]
    assert values(told((cpus.opteron(), {0x8B: 0x1000095})), "cpu.microcode") == ["0x1000095"]
    assert msr.microcode("GenuineIntel", {0x8B: 0}) is None


def test_execute_disable_off_in_firmware() -> None:
    """IA32_MISC_ENABLE bit 34 hides NX: the finding is then firmware's, and names the register."""
    facts = told((cpus.xeon(), {0x1A0: 1 << 34}))
    assert (facts["cpu.nx"].value, facts["cpu.nx"].source) == ("disabled", "msr")


def two_packages(*msrs: dict[int, int]) -> FactBook:
    """Two packages of one core with two threads; MSRs of the first CPU of each."""
    machine: list[tuple[cpus.Leaves, dict[int, int]]]
    machine = [(cpus.xeon(apic), {}) for apic in range(4)]
    for package, values_ in enumerate(msrs):
        machine[package * 2] = (machine[package * 2][0], values_)
    return told(*machine)


def test_packages() -> None:
    """Sockets, cores and threads are counted out of the APIC IDs, with a row for each package."""
    facts = two_packages(cpus.ENABLED, cpus.ENABLED)
    assert values(facts, "cpu.sockets_populated", "cpu.cores", "cpu.threads") == [2, 2, 4]
    rows = list(facts["cpu.packages"].value)  # type: ignore[arg-type]
    assert rows[1] == {
        "socket": "1",
        "populated": True,
        "name": "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz",
        "cores": 1,
        "threads": 2,
        "signature": "000606A6",
        "microcode": "0xd000404",
        "virt": "enabled",
    }


def test_packages_that_differ() -> None:
    """Firmware that set up only the boot CPU, or loaded old microcode: the worse one counts."""
    facts = two_packages(cpus.ENABLED, {0x3A: 0x1, 0x8B: 0xD000001 << 32})
    assert facts["cpu.virt.state"].value == "disabled"
    assert "packages differ" in facts["cpu.virt.state"].path
    assert [row["virt"] for row in facts["cpu.packages"].value] == ["enabled", "disabled"]  # type: ignore[index,union-attr]
    assert facts["cpu.microcode"].value == "0xd000001"
    assert [rival.value for rival in facts["cpu.microcode"].rivals] == ["0xd000404"]


def test_steppings_that_differ() -> None:
    """Two kinds of CPU in one machine contradict each other, and that shows."""
    other = cpus.xeon(2, siblings=1, shift=1)
    other[1, 0] = other[1, 0]._replace(eax=0x000606A5)
    facts = told((cpus.xeon(), {}), (other, {}))
    assert {facts["cpu.stepping"].value, *(r.value for r in facts["cpu.stepping"].rivals)} == {5, 6}


@pytest.mark.parametrize("apics", [(0,), (0, 1, 2), (0, 0), (0, 1, 1, 2)])
def test_part_of_a_package_is_not_counted(apics: tuple[int, ...]) -> None:
    """One CPU recorded, a package cut short, the same CPU twice: no count is told."""
    facts = told(*((cpus.xeon(apic), {}) for apic in apics))
    assert {"cpu.cores", "cpu.threads", "cpu.sockets_populated", "cpu.packages"}.isdisjoint(facts)


def test_cores_of_an_amd_package() -> None:
    """Before leaf 0Bh, 80000008h tells the cores; without it nothing does."""
    machine = [(cpus.opteron(apic), dict[int, int]()) for apic in range(8)]
    assert values(told(*machine), "cpu.sockets_populated", "cpu.cores") == [2, 8]
    del machine[7][0][0x80000008, 0]
    assert "cpu.cores" not in told(*machine)


def test_bulldozer_modules_have_two_cores() -> None:
    """What Linux and leaf 8000001Eh take for threads are integer cores."""
    part = x86.Part(vendor="AuthenticAMD", family=0x15, model=1)
    assert (part.cores(6, 12), x86.Part(vendor="AuthenticAMD", family=0x17).cores(6, 12)) == (12, 6)


@pytest.mark.parametrize("missing", [0x80000000, 0x80000001, 0x7])
def test_flags_are_told_whole_or_not_at_all(missing: int) -> None:
    """A leaf nobody recorded must not read as flags that are off; the signature is still told."""
    leaves = cpus.xeon()
    del leaves[missing, 0]
    facts = told((leaves, {}))
    assert "cpu.flags" not in facts
    assert facts["cpu.model"].value == 0x6A


def test_leaves_beyond_the_largest_are_not_there() -> None:
    """Intel's answer with another leaf; a tool that records them must not mislead us."""
    leaves = cpus.opteron() | {(0x7, 0): Registers(0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)}
    flags = told((leaves, {}))["cpu.flags"].value
    assert isinstance(flags, tuple)
    assert "avx2" not in flags


def test_no_cpu_is_no_fact() -> None:
    """Vendors that are no letters, missing leaves and empty lists tell nothing."""
    nameless = cpus.xeon() | {(0, 0): Registers(0xB, 0, 0, 0)}
    assert not told()
    assert not told((nameless, {}))
    assert not told(({}, {0x3A: 5}))


REGISTERS = st.builds(Registers, *[st.integers(0, 0xFFFFFFFF)] * 4)
LEAVES = st.dictionaries(
    st.tuples(
        st.sampled_from([0, 1, 4, 6, 7, 0xB, 0xD, 0x1F, *range(0x80000000, 0x80000020)]),
        st.integers(0, 3),
    ),
    REGISTERS,
    max_size=30,
)


@given(
    LEAVES,
    st.sampled_from([True, False]),
    st.dictionaries(
        st.sampled_from([0x3A, 0x8B, 0x1A0, 0x482, 0x48B, 0xC0010114, 0xC0010015, 0xC0011023]),
        st.integers(0, 2**64 - 1),
    ),
)
def test_any_registers(found: cpus.Leaves, intel: bool, msrs: dict[int, int]) -> None:
    """Whatever a CPU, an emulator or a damaged file answers, it is decoded without an exception."""
    first, second = (cpus.xeon(n) if intel else cpus.opteron(n) for n in (0, 1))
    machine = [cpus.cpu(first | found, msrs), cpus.cpu(second), cpus.cpu(found, msrs)]
    x86.tell_cpus(machine, FactBook(), "dump")
    topology.places(machine)
