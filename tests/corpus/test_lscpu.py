"""Recorded lscpu: every one is read, and what its flags prove is what the facts say."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host import dumps

#: Machines without the flag whose part can virtualize: firmware, or something else, hides it.
HIDDEN = (
    "E5-2620 0/6-45-7/26876129D7",
    "E5-2690 0/6-45-7/1DA50908CF",
    "W-2145/6-85-4/672448ACFD",
    "E3-1230 v5/6-94-3/E727CA80A6",
    "E5-2697 v2/6-62-4/242451DF87",
    "X5460/6-23-10/146C7D86BB",
    "E5520/6-26-5/25453867AA",
    "E5-1650 v4/6-79-1/710D7DEDBF",
)


@pytest.fixture(scope="module")
def machines(hardware: Path) -> dict[str, FactBook]:
    """Facts of every recording by its path."""
    files = [path for path in (hardware / "linuxhw-lscpu").rglob("*") if path.is_file()]
    return {
        str(path.relative_to(hardware)): dumps.read(path.read_bytes(), path.name)
        for path in files
        if path.name != "LICENSE"
    }


def of(machines: dict[str, FactBook], probe: str) -> FactBook:
    """The one recording whose path ends so."""
    return next(facts for path, facts in machines.items() if path.endswith(Path(probe).name))


def test_the_path_is_the_signature(machines: dict[str, FactBook]) -> None:
    """Family, model and stepping are those of the folder it was filed under."""
    assert len(machines) >= 60
    for path, facts in machines.items():
        told = [facts[f"cpu.{name}"].value for name in ("family", "model", "stepping")]
        assert told == [int(number) for number in path.split("/")[-2].split("-")], path


@pytest.mark.parametrize("probe", HIDDEN)
def test_a_missing_flag_on_a_capable_part(machines: dict[str, FactBook], probe: str) -> None:
    """It means off or hidden, never that the CPU cannot."""
    facts = of(machines, probe)
    assert facts["cpu.virt.state"].value == "off-or-hidden"
    assert facts["cpu.virt.feature"].value == "vmx"


@pytest.mark.parametrize("probe", ["Opteron 185/741F8CFF05", "Xeon 2.40GHz/34867AD122"])
def test_parts_without_virtualization(machines: dict[str, FactBook], probe: str) -> None:
    """K8 before revision F and early NetBurst have none: no firmware setting will help."""
    facts = of(machines, probe)
    assert facts["cpu.virt.state"].value == "unsupported"
    assert facts["cpu.virt.feature"].value == "none"


def test_a_guest_gives_no_verdict(machines: dict[str, FactBook]) -> None:
    """The Platinum 8280 under Xen says nothing of its host, and its made-up counts are not told."""
    facts = of(machines, "Platinum 8280/B3866D77A7")
    assert facts["cpu.virt.state"].value == "guest"
    assert not {"cpu.virt.slat", "cpu.cores", "cpu.sockets_populated"} & set(facts)


def test_a_flag_alone_proves_no_more_than_capable(machines: dict[str, FactBook]) -> None:
    """No recording names its kernel, so none of them is enabled, nor disabled."""
    words = Counter(facts["cpu.virt.state"].value for facts in machines.values())
    assert set(words) == {"capable", "off-or-hidden", "unsupported", "guest"}
    assert (words["off-or-hidden"], words["unsupported"], words["guest"]) == (8, 2, 1)


def test_counts(machines: dict[str, FactBook]) -> None:
    """Where counts are told they agree with each other and with the rows of packages."""
    told = [facts for facts in machines.values() if "cpu.cores" in facts]
    assert len(told) >= 60
    for facts in told:
        rows = facts["cpu.packages"].value
        assert isinstance(rows, tuple)
        assert len(rows) == facts["cpu.sockets_populated"].value
        assert sum(row["threads"] for row in rows) == facts["cpu.threads"].value  # type: ignore[index,misc]
        assert sum(row["cores"] for row in rows) == facts["cpu.cores"].value  # type: ignore[index,misc]


def test_cut_recordings_never_say_anything_else(hardware: Path) -> None:
    """Cut anywhere, the output tells fewer facts and the same ones."""
    chance = random.Random(56)  # noqa: S311 - repeatable, not secret
    for path in sorted((hardware / "linuxhw-lscpu").rglob("*")):
        if path.is_dir() or path.name == "LICENSE":
            continue
        data = path.read_bytes()
        whole = dumps.read(data, path.name)
        for _ in range(20):
            try:
                cut = dumps.read(data[: chance.randrange(len(data))], path.name)
            except ProvisionError:
                continue
            # Rows lose a column with the flags; what the part can is not what a guest has of it.
            for name in set(cut) - {"cpu.packages", "cpu.virt.slat", "cpu.erratum_298"}:
                assert cut[name].value == whole[name].value, (path.name, name)
