"""Every reader, given anything: facts of the catalogue or an error in words, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import CATALOGUE, FactBook
from provision.core.errors import ProvisionError
from provision.host import dumps
from provision.host.dumps import acpi, cpuinfo, libvirt, lscpu, registers
from tests.host import cpus, test_acpi
from tests.host import test_dumps as whole

READERS = (acpi, cpuinfo, libvirt, lscpu, registers)
XEONS = [cpus.xeon(0), cpus.xeon(1)]
SAMPLES = (
    whole.lscpu(),
    whole.lscpu_json(),
    whole.cpuinfo(vmx_flags="ept vpid"),
    cpus.aida64(XEONS, cpus.ENABLED),
    cpus.aida64([cpus.opteron(apic) for apic in range(4)], cpus.MITIGATED),
    cpus.todd_allen(XEONS) + "# rdmsr -a 0x3a\n5\n5\n",
    cpus.report(XEONS),
    cpus.libcpuid(cpus.xeon()),
    cpus.libvirt(cpus.xeon(), cpus.ENABLED),
    test_acpi.listed("APIC", "DSDT", "DMAR", "FACP"),
    test_acpi.dumped(test_acpi.dmar(), *test_acpi.ALWAYS),
    "\n".join(test_acpi.LISTING) + "\n",
)


def survives(data: bytes) -> None:
    """Read ``data`` through the door, and by every reader as if it had recognised it."""
    with suppress(ProvisionError):
        facts = dumps.read(data, "dump")
        assert facts
        assert set(facts) <= set(CATALOGUE)
    for reader in READERS:
        reader.recognises(data)
        with suppress(ProvisionError, UnicodeDecodeError):
            reader.tell(data, FactBook(), "dump")


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """Binary garbage."""
    survives(data)


@given(st.text(max_size=300), st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-32"]))
def test_any_text(text: str, encoding: str) -> None:
    """Text of any kind in any encoding."""
    survives(text.encode(encoding, "replace"))


@given(st.lists(st.sampled_from(sorted({line for text in SAMPLES for line in text.split("\n")})),
                max_size=60))  # fmt: skip
def test_lines_of_all_kinds_together(lines: list[str]) -> None:
    """Lines that readers know, in an order and a company that no tool writes."""
    survives("\n".join(lines).encode())


Mutation = Callable[[bytearray, random.Random], bytes]


def flips(data: bytearray, chance: random.Random) -> bytes:
    """Flip bits."""
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def digits(data: bytearray, chance: random.Random) -> bytes:
    """Put other digits and signs where digits are."""
    for _ in range(chance.randrange(1, 40)):
        at = chance.randrange(len(data))
        if chr(data[at]).isalnum():
            data[at] = chance.choice(b"0123456789ABCDEFfx-:. ")
    return bytes(data)


def cuts(data: bytearray, chance: random.Random) -> bytes:
    """Cut the end off, or a piece out of the middle."""
    start = chance.randrange(len(data))
    return bytes(data[:start] + (data[start + chance.randrange(400) :] if start % 2 else b""))


def shuffles(data: bytearray, chance: random.Random) -> bytes:
    """Swap lines, and say some twice."""
    lines = bytes(data).split(b"\n")
    return b"\n".join(chance.choices(lines, k=len(lines)))


@pytest.mark.parametrize("mutate", [flips, digits, cuts, shuffles])
@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_damaged_samples(number: int, mutate: Mutation) -> None:
    """Small damage to what is right: the readers get far, and must not trip there."""
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    for _ in range(25):
        survives(mutate(bytearray(SAMPLES[number].encode()), chance))
