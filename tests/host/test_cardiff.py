"""Lists of hardware-detect: what they say of one machine, and what is no such list."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host.dumps import cardiff
from provision.host.errors import DumpDamaged

ROWS = [
    ("disk", "1I:1:1", "type", "SAS"),
    ("disk", "sda", "size", "299"),
    ("disk", "sda", "vendor", "HP"),
    ("disk", "sda", "model", "LOGICAL VOLUME"),
    ("disk", "sdb", "size", "480"),
    ("disk", "sdb", "vendor", "ATA"),
    ("disk", "sdb", "model", "INTEL SSDSC2KB48"),
    ("system", "product", "serial", "CZ1"),
    ("system", "product", "name", "ProLiant BL460c Gen8"),
    ("system", "product", "vendor", "HP"),
    ("firmware", "bios", "version", "I31"),
    ("memory", "bank:0:0", "size", "17179869184"),
    ("memory", "bank:0:0", "clock", "1600000000"),
    ("memory", "bank:0:0", "description", "DIMM DDR3 Synchronous 1600 MHz (0.6 ns)"),
    ("memory", "bank:0:0", "slot", "PROC  1 DIMM  1"),
    ("memory", "bank:0:1", "description", "DIMM DDR3 Synchronous [empty]"),
    ("memory", "bank:0:1", "product", "NOT AVAILABLE"),
    ("memory", "bank:0:1", "slot", "PROC  1 DIMM  2"),
    ("memory", "banks", "count", 2),
    ("network", "eth0", "serial", "9C:B6:54:88:5C:78"),
    ("network", "eth0", "businfo", "pci@0000:04:00.0"),
    ("network", "eth0", "speed", "10Gbit/s"),
    ("network", "eth0", "driver", "be2net"),
    ("network", "virbr0", "serial", "52:54:00:00:00:01"),
    ("cpu", "physical_0", "product", "Intel(R) Xeon(R) CPU E5-2650 0 @ 2.00GHz"),
    ("cpu", "physical_0", "vendor", "Intel Corp."),
    ("cpu", "physical_0", "cores", "8"),
    ("cpu", "physical_0", "enabled_cores", "8"),
    ("cpu", "physical_0", "threads", "16"),
    ("cpu", "physical", "number", "1"),
]
GIB = 1 << 30


def values(data: bytes) -> dict[str, object]:
    """The facts of a list, by name."""
    facts = FactBook()
    cardiff.tell(data, facts, "x")
    assert {fact.source for fact in facts.values()} <= {"dump"}
    return {name: fact.value for name, fact in facts.items()}


def without(*items: str) -> bytes:
    """The list without some items."""
    return repr([row for row in ROWS if row[1] not in items]).encode()


@pytest.mark.parametrize("data", [repr(ROWS).encode(), json.dumps(ROWS).encode()])
def test_a_list(data: bytes) -> None:
    """The same from Python's notation and from JSON; disks in decimal gigabytes."""
    assert cardiff.recognises(data)
    assert values(data) == {
        "system.vendor": "HP",
        "system.model": "ProLiant BL460c Gen8",
        "system.serial": "CZ1",
        "firmware.version": "I31",
        "cpu.vendor": "GenuineIntel",
        "cpu.name": "Intel(R) Xeon(R) CPU E5-2650 0 @ 2.00GHz",
        "cpu.sockets_populated": 1,
        "cpu.cores": 8,
        "cpu.threads": 16,
        "cpu.packages": (
            {
                "name": "Intel(R) Xeon(R) CPU E5-2650 0 @ 2.00GHz",
                "populated": True,
                "cores": 8,
                "threads": 16,
            },
        ),
        "memory.slots": 2,
        "memory.dimms_populated": 1,
        "memory.total": 16 * GIB,
        "memory.dimms": (
            {"slot": "PROC  1 DIMM  1", "size": 16 * GIB, "speed": 1600, "type": "DDR3"},
            {"slot": "PROC  1 DIMM  2", "size": 0},
        ),
        "nics.count": 1,
        "nics.fastest": 10**10,
        "nics.ports": (
            {"name": "eth0", "mac": "9c:b6:54:88:5c:78", "speed": 10**10, "driver": "be2net"},
        ),
        "storage.count": 2,
        "storage.largest": 480 * 10**9,
        "storage.drives": (
            {"name": "sda", "model": "HP LOGICAL VOLUME", "size": 299 * 10**9},
            {"name": "sdb", "model": "INTEL SSDSC2KB48", "size": 480 * 10**9, "bus": "sata"},
        ),
    }


def test_what_is_missing_is_not_counted() -> None:
    """A bank lost, a package lost, a disk that may be a stick: no sum is made of the rest."""
    assert not {"memory.total", "memory.slots"} & set(values(without("bank:0:1")))
    assert "cpu.cores" not in values(without("physical_0"))
    stick = repr([*ROWS, ("disk", "sdc", "size", "999"), ("disk", "sdc", "model", "DT 101")])
    found = values(stick.encode())
    assert not {"storage.count", "storage.largest"} & set(found)
    drives = found["storage.drives"]
    assert isinstance(drives, tuple)
    assert [row["name"] for row in drives] == ["sda", "sdb"]


@pytest.mark.parametrize(
    "data",
    [
        b"[('disk', 'sda', 'size', open('/etc/passwd'))]",
        b"[('disk', 'sda', 'size')]",
        b"[('disk', 'sda', 'size', '1'), 5]",
        b"[('disk', 'sda',",
        b"[('disk', 'sda', " + b"(" * 100_000,
        b"[('disk', 'sda', " + b"-" * 100_000 + b"1)]",
        b"[('disk', 'sda', 'x', 'y')]" + b" " * (1 << 20),
    ],
    ids=["a call", "three parts", "no tuple", "cut", "deep", "signs", "large"],
)
def test_no_list(data: bytes) -> None:
    """Nothing is run, nothing recurses without end: it is refused."""
    assert cardiff.recognises(data)
    with pytest.raises(DumpDamaged):
        values(data)


@given(
    st.lists(
        st.tuples(
            *[
                st.one_of(
                    st.text(max_size=8),
                    st.integers(),
                    st.sampled_from(
                        [
                            "memory",
                            "bank:0",
                            "size",
                            "cpu",
                            "physical",
                            "number",
                            "disk",
                            "sda",
                            "network",
                            "eth0",
                        ]
                    ),
                )
            ]
            * 4
        ),
        max_size=12,
    )
)
def test_any_list(rows: list[tuple[object, ...]]) -> None:
    """Any tuples of four are facts of what can be understood, or a clear error."""
    with suppress(ProvisionError):
        values(repr([("cpu", "x", "y", "z"), *rows, *ROWS]).encode())
