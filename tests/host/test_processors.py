"""The processors of a live machine: what its kernel shows, and registers where root may look."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from hwprofiles.deriving import complete
from hwprofiles.facts import FactBook, Source
from provision.host import processors
from provision.host.files import Tree
from tests.host import cpus, machines

BARCELONA = {
    "vendor_id": "AuthenticAMD",
    "cpu family": "16",
    "model": "2",
    "model name": "Quad-Core AMD Opteron(tm) Processor 2344 HE",
    "stepping": "10",
}
UNLISTED = machines.XEON | {"model": "254"}


class Machine(Tree):
    """A root whose /dev/cpu answers as the kernel's does: each address is a value of its own.

    No file can stand in for that: leaves 0 and 1 lie one byte apart, and have 16 bytes each.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.msrs: dict[int, dict[int, int]] = {}
        self.leaves: dict[int, cpus.Leaves] = {}

    def at(self, name: str, offset: int, size: int) -> bytes | None:
        """Answer for the cpuid and msr devices; like them, fail for what is not there."""
        _, _, number, device = name.split("/")
        if device == "msr":
            value = self.msrs.get(int(number), {}).get(offset)
            return None if value is None else value.to_bytes(size, "little")
        answer = self.leaves.get(int(number), {}).get((offset & 0xFFFFFFFF, offset >> 32))
        return answer and struct.pack("<4I", *answer)

    def facts(self) -> FactBook:
        """What the processors tell."""
        facts = FactBook()
        processors.tell(self, facts)
        complete(facts)
        return facts

    def told(self, *names: str) -> list[Any]:
        """Values of facts; None for what is not told."""
        facts = self.facts()
        return [facts[name].value if name in facts else None for name in names]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose files lie in a folder of its own."""
    return Machine(tmp_path)


def test_msrs_settle_ept(machine: Machine) -> None:
    """MSR 48Bh tells of EPT in band, also for a part that no table lists."""
    machines.cpuinfo(machine.root, UNLISTED, machines.V3 + " vmx", kernel="4.18.0")
    machine.msrs[0] = cpus.ENABLED
    facts = machine.facts()
    assert (facts["cpu.virt.slat"].value, facts["cpu.virt.slat"].source) == (True, "msr")
    assert facts["cpu.virt.state"].value == "enabled"
    machine.msrs[0] = cpus.ENABLED | {0x48B: 0x80 << 32}
    assert machine.told("cpu.virt.slat") == [False]


def test_cpuid_sees_what_the_kernel_hides(machine: Machine) -> None:
    """A part that no table lists, off in firmware: its own CPUID says that it can."""
    machines.cpuinfo(machine.root, UNLISTED, machines.V3)
    assert machine.told("cpu.virt.state") == ["unknown"]
    machine.leaves[0] = cpus.xeon()
    assert machine.told("cpu.virt.state", "cpu.virt.feature") == ["off-or-hidden", "vmx"]


@pytest.mark.parametrize(("svm", "state"), [(0x7, "locked"), (0x3, "disabled")])
def test_svm_behind_a_key(machine: Machine, svm: int, state: str) -> None:
    """Leaf 8000000Ah tells of the lock that the kernel's missing flag no longer does."""
    machines.cpuinfo(machine.root, machines.EPYC, machines.V3)
    machine.leaves[0] = cpus.opteron(svm=svm)
    machine.msrs[0] = {0xC0010114: 0x18}
    assert machine.told("cpu.virt.state", "cpu.virt.slat") == [state, True]


@pytest.mark.parametrize(
    ("msrs", "word"),
    [
        (cpus.MITIGATED, "mitigated"),
        (cpus.UNMITIGATED, "unmitigated"),
        (None, "unknown"),
    ],
)
def test_erratum_298(machine: Machine, msrs: dict[int, int] | None, word: str) -> None:
    """The MSRs alone are enough in band; without root an affected part stays unknown."""
    machines.cpuinfo(machine.root, BARCELONA, machines.V3 + " svm osvw")
    if msrs:
        machine.msrs[0] = msrs
    assert machine.told("cpu.erratum_298") == [word]


def test_a_guest_is_not_asked(machine: Machine) -> None:
    """What a hypervisor answers for registers is not told as the machine's."""
    machines.cpuinfo(machine.root, BARCELONA, machines.V3 + " svm osvw hypervisor")
    machine.msrs[0] = cpus.UNMITIGATED
    assert machine.told("cpu.virt.state", "cpu.virt.slat") == ["guest", None]
    assert machine.told("cpu.erratum_298") != ["unmitigated"]


def test_every_package_has_its_row(machine: Machine) -> None:
    """Sockets that differ are seen one by one, and the worst speaks for the machine."""
    machines.cpuinfo(machine.root, machines.XEON, machines.V3 + " vmx", sockets=2)
    machine.msrs[0] = {0x3A: 5}
    machine.msrs[4] = {0x3A: 1}
    assert machine.told("cpu.virt.state", "cpu.threads") == ["disabled", 8]
    rows: tuple[Any, ...] = machine.told("cpu.packages")[0]
    assert [(row["socket"], row["cores"], row["virt"]) for row in rows] == [
        ("0", 2, "enabled"),
        ("1", 2, "disabled"),
    ]
    assert {row["signature"] for row in rows} == {"000606A6"}


BOARD: list[dict[str, Any]] = [
    {"socket": "CPU1", "populated": True, "cores": 18},
    {"socket": "CPU2", "populated": True, "cores": 18},
    {"socket": "CPU3", "populated": False},
]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        # Alike: the board's names, with what the kernel knows.
        (
            [{"socket": "0", "virt": "enabled", "microcode": "0x1"}] * 2,
            [{**BOARD[0], "virt": "enabled", "microcode": "0x1"}] * 1
            + [{**BOARD[1], "virt": "enabled", "microcode": "0x1"}, BOARD[2]],
        ),
        # Which name is which number is not known: the difference counts for more than names.
        ([{"socket": "0", "virt": "enabled"}, {"socket": "1", "virt": "disabled"}], None),
        # One socket too few: the board's rows stay as they are.
        ([{"socket": "0", "virt": "enabled"}], BOARD),
    ],
)
def test_board_and_kernel_on_packages(
    kernel: list[dict[str, Any]], expected: list[dict[str, Any]] | None
) -> None:
    """Designations come from SMBIOS, states from registers; they are put together where sure."""
    facts = FactBook()
    facts.learn("cpu.packages", kernel, Source.PROCFS, "/proc/cpuinfo")
    known = facts["cpu.packages"]
    facts.learn("cpu.packages", BOARD, Source.DMI, "DMI")
    processors.keep_packages(facts, known)
    assert list(facts["cpu.packages"].value) == (expected or kernel)  # type: ignore[arg-type]


def test_other_architectures(machine: Machine) -> None:
    """ARM's kernel says neither socket nor CPUID: nothing is made up."""
    block = "processor\t: {}\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\n"
    machines.put(machine.root, "proc/cpuinfo", "\n".join(block.format(at) for at in range(4)))
    assert not machine.facts()
