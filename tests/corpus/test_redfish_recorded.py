"""Recorded Redfish read from files: the same answers as from the BMC, and plans of changes."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import hwprofiles
from hwprofiles import Outcome
from provision.bmc import bios, inventory, recorded, registry
from provision.bmc.changes import plan
from provision.bmc.dependencies import Registry
from provision.bmc.errors import RecordingDamaged, RecordingUnknown
from provision.bmc.recorded import Recorded
from provision.core.errors import ProvisionError
from provision.flow import fix
from tests.corpus.test_redfish_trees import EXPECTED

VT = "Processors_IntelVirtualizationTechnology"
TXT = "Processors_TrustedExecutionTechnology"


async def read(path: Path) -> list[Recorded]:
    """The systems in a recorded file."""
    return await recorded.read(recorded.parse(path.read_bytes(), path.name), path.name)


async def one(path: Path) -> Recorded:
    """The one system in a recorded file, or the first of several."""
    return (await read(path))[0]


def told(found: Recorded) -> dict[str, Any]:
    """The values of its facts."""
    return {name: fact.value for name, fact in found.facts.items()}


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_a_tree_tells_what_its_bmc_told(redfish: Path, name: str) -> None:
    """From the file come the facts that came over HTTPS."""
    for found in await read(redfish / f"{name}.json"):
        facts = told(found)
        assert {key: facts.get(key) for key in EXPECTED[name]} == EXPECTED[name]
        assert all(fact.path.startswith("/") for fact in found.facts.values())


#: Systems, slots listed and filled, GPUs, disks, and ports of each recording; None: not told.
PARTS: dict[str, tuple[object, ...]] = {
    "libredfish-dell": (1, 16, 16, 1, 3, 5),
    "redfishctl-dell_xr8620t-tree": (1, 8, 8, None, 2, 8),
    "iloemu-DL360": (1, 32, 12, None, 2, 6),
    "iloemu-DL380a": (1, 24, 16, 2, 7, 2),
    "libredfish-lenovo": (1, 32, 16, 8, 4, 4),
    "libredfish-supermicro": (1, 32, 32, None, 8, 11),
    "crayrie-Gigabyte": (1, 16, 16, None, 1, 3),
    "crayrie-EX4252": (4, 24, 24, None, None, 3),
    "libredfish-nvidia_gb200": (1, 2, 2, None, 9, None),
    "crayrie-OpenBMC-stock": (1, None, None, None, None, None),
}


@pytest.mark.parametrize("name", sorted(PARTS))
async def test_the_parts_of_a_tree(redfish: Path, name: str) -> None:
    """Rows are as many as there are parts; slots have names of their own; sizes add up."""
    found = await read(redfish / f"{name}.json")
    facts = told(found[0])
    dimms = facts.get("memory.dimms")
    counts = [facts.get(key) for key in ("gpus.count", "storage.count", "nics.count")]
    filled = dimms and sum(bool(row["size"]) for row in dimms)
    assert (len(found), dimms and len(dimms), filled, *counts) == PARTS[name]
    if dimms:
        assert len({row["slot"] for row in dimms}) == len(dimms)
        total = sum(row["size"] for row in dimms)
        assert abs(total - facts["memory.total"]) <= total * 0.03
    if packages := facts.get("cpu.packages"):
        assert len(packages) == facts["cpu.sockets_populated"]
        assert sum(row["cores"] for row in packages) == facts["cpu.cores"]


def test_every_recording_has_its_parts(redfish: Path) -> None:
    """A recording that is added gets its row here."""
    assert {path.stem for path in redfish.glob("*.json")} == set(PARTS)


#: What single resources tell; of all others nothing can be told.
SINGLE: dict[str, dict[str, object]] = {
    "bios_dell": {
        "cpu.virt.state": "enabled",
        "cpu.virt.attribute": "ProcVirtualization",
        "iommu.state": "enabled",
        "sriov.state": "disabled",
        "firmware.secure_boot": "disabled",
        "firmware.boot_mode": "uefi",
    },
    "bios_lenovo": {  # cannot both be of use, and both are so
        "cpu.virt.state": "disabled",
        "cpu.virt.attribute": VT,
        "iommu.state": "enabled",
        "sriov.state": None,
    },
    "system_dell": {"system.vendor": "Dell Inc.", "system.serial": "6C921M3"},
    "system_lenovo": {
        "system.model": "ThinkSystem SR670 V2",
        "memory.total": 512 << 30,
        "tpm.version": "2.0",
    },
    "system_bluefield_boot_bugs": {"cpu.virt.state": None, "memory.total": None},
    "system_bluefield_boot_valid": {"cpu.virt.state": None, "memory.total": None},
}


async def test_single_resources(hardware: Path) -> None:
    """Of thirty, six tell of a server; the others are named for what they are."""
    files = sorted((hardware / "libredfish-testdata").glob("*.json"))
    assert len(files) == 30
    for file in files:
        if file.stem in SINGLE:
            facts = told(await one(file))
            assert {key: facts.get(key) for key in SINGLE[file.stem]} == SINGLE[file.stem]
            continue
        kind = json.loads(file.read_bytes())["@odata.type"].strip("#").partition(".")[0]
        with pytest.raises(RecordingUnknown, match=rf"{file.name}: it holds {kind} and no"):
            await read(file)


async def test_lenovo_with_virtualization_off(redfish: Path) -> None:
    """FAIL names the attribute, and the plan prints the PATCH that mends it."""
    tree = json.loads((redfish / "libredfish-lenovo.json").read_bytes())
    tree["/redfish/v1/Systems/1/Bios"]["Attributes"] |= {VT: "Disabled", TXT: "Enabled"}
    (found,) = await recorded.read(tree, "lenovo.json")
    findings = list(hwprofiles.judge(hwprofiles.load("esxi-8.0"), found.facts))
    failed = next(each for each in findings if each.outcome is Outcome.FAIL)
    assert dict(failed.evidence)["cpu.virt.attribute"].value == VT
    fixing = await fix.plan(found.bmc, findings)
    assert fixing.requests == [
        {
            "method": "PATCH",
            "uri": "/redfish/v1/Systems/1/Bios/Pending",
            "body": {"Attributes": {VT: "Enabled", TXT: "Disabled"}},
            "if_match": "on-demand",
        }
    ]
    assert f"{VT}: Disabled → Enabled" in fixing.as_text()
    assert "greyed out" in fixing.as_text()  # why the other one is among them


async def test_dell_stages_with_an_apply_time(hardware: Path) -> None:
    """A single Bios is enough for the whole request."""
    found = await one(hardware / "libredfish-testdata" / "bios_dell.json")
    planned = await bios.plan(found.bmc, {"sriov": "enabled", "virtualization": "enabled"})
    assert planned.uri == "/redfish/v1/Systems/System.Embedded.1/Bios/Settings"
    assert planned.body == {
        "Attributes": {"SriovGlobalEnable": "Enabled"},
        "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"},
    }


async def known(redfish: Path, name: str) -> tuple[Registry, dict[str, Any]]:
    """The BIOS registry of a recording, and the attributes in force."""
    bmc = (await one(redfish / f"{name}.json")).bmc
    body = await bios.resource(bmc)
    return Registry(await registry.body(bmc, body)), dict(bios.scalars(body))


@pytest.mark.parametrize("name", ["iloemu-DL360", "iloemu-DL380a"])
async def test_hpe_workload_profiles(redfish: Path, name: str) -> None:
    """A profile that forbids virtualization is set to Custom, which holds nothing, with it."""
    entries, here = await known(redfish, name)
    here |= {"WorkloadProfile": "LowLatency", "ProcVirtualization": "Disabled"}
    here |= {"IntelProcVtd": "Disabled", "Sriov": "Disabled"}
    found = plan({"ProcVirtualization": "Enabled", "IntelProcVtd": "Enabled"}, here, entries)
    assert {each.attribute: each.new for each in found.changes} == {
        "ProcVirtualization": "Enabled",
        "IntelProcVtd": "Enabled",
        "WorkloadProfile": "Custom",
    }
    assert not found.obstacles


async def test_dell_x2apic(redfish: Path) -> None:
    """Read-only while virtualization is off: that is switched on with it."""
    entries, here = await known(redfish, "libredfish-dell")
    here |= {"ProcVirtualization": "Disabled", "ProcX2Apic": "Disabled"}
    found = plan({"ProcX2Apic": "Enabled"}, here, entries)
    assert {each.attribute: each.new for each in found.changes} == {
        "ProcX2Apic": "Enabled",
        "ProcVirtualization": "Enabled",
    }


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"crayrie-EX4252"}))
async def test_all_dependencies_of_a_registry(redfish: Path, name: str) -> None:
    """What a registry forces is so on the machine it comes from; any change can be planned."""
    entries, here = await known(redfish, name)
    for attribute in entries:
        for each in entries.held(entries.of(attribute), here):
            if each.forces and attribute in here:
                assert entries.same(attribute, here[attribute], each.value), each.cause()
        for value in entries.values(attribute)[:3]:
            found = plan({attribute: value}, here, entries)
            assert bool(found.changes) is not bool(found.obstacles)


async def test_damaged_trees(redfish: Path) -> None:
    """Cut anywhere: an error of ours. Wrong in any field: facts or none, and no traceback."""
    raw = (redfish / "crayrie-OpenBMC-stock.json").read_bytes()
    for cut in range(0, len(raw) - 2, 997):
        with pytest.raises(RecordingDamaged):
            recorded.parse(raw[:cut], "cut.json")
    chance = random.Random(7)  # noqa: S311 - the same damage every time
    tree = json.loads((redfish / "crayrie-Gigabyte.json").read_bytes())
    for _ in range(60):
        damaged = dict(tree)
        for uri in chance.sample(sorted(damaged), 12):
            body = dict(damaged[uri])
            for key in chance.sample(sorted(body), min(3, len(body))):
                body[key] = chance.choice([None, 7, "x", [], {}, [None], {"@odata.id": uri}])
            damaged[uri] = chance.choice([body, body, [], None])
        with suppress(ProvisionError):
            await recorded.read(damaged, "damaged.json")


async def test_reading_twice_is_reading_once(redfish: Path) -> None:
    """The order of a table does not depend on that of a collection."""
    tree = json.loads((redfish / "libredfish-dell.json").read_bytes())
    again = json.loads((redfish / "libredfish-dell.json").read_bytes())
    for body in again.values():
        if isinstance(body.get("Members"), list):
            body["Members"].reverse()
    (one_,), (other,) = [await recorded.read(each, "x.json") for each in (tree, again)]
    for name, rows in told(one_).items():
        if name.startswith(("memory.", "cpu.packages", "storage.", "nics.")):
            assert told(other)[name] == rows
    assert await inventory.read_facts(one_.bmc)
