"""Recordings in every shape are read as a BMC is; what is none says what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.bmc import bios, mockups, recorded, recorded_json
from provision.bmc.errors import RecordingDamaged, RecordingUnknown
from provision.core.errors import ProvisionError, Refused

SYSTEM: dict[str, Any] = {
    "@odata.id": "/redfish/v1/Systems/1",
    "@odata.type": "#ComputerSystem.v1_5_0.ComputerSystem",
    "Manufacturer": "Maker",
    "Model": "Box",
    "PowerState": "On",
    "MemorySummary": {"TotalSystemMemoryGiB": 64},
    "Actions": {"#ComputerSystem.Reset": {"target": "/reset"}},
    "Bios": {"@odata.id": "/redfish/v1/Systems/1/Bios/"},
}
BIOS: dict[str, Any] = {
    "@odata.id": "/redfish/v1/systems/1/bios",
    "@odata.type": "#Bios.v1_1_0.Bios",
    "Attributes": {"ProcVirtualization": "Disabled"},
}
ROOT: dict[str, Any] = {
    "@odata.id": "/redfish/v1",
    "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
    "Systems": {"@odata.id": "/redfish/v1/Systems"},
}


def systems(*paths: str) -> dict[str, Any]:
    """A collection of computer systems."""
    kind = "#ComputerSystemCollection.ComputerSystemCollection"
    return {"@odata.type": kind, "Members": [{"@odata.id": path} for path in paths]}


def tree(**more: Any) -> dict[str, Any]:
    """A whole recording; the spelling of its URIs differs from that of its links."""
    return {
        "/redfish/v1/": ROOT,
        "/redfish/v1/systems": systems("/redfish/v1/Systems/1"),
        "/redfish/v1/Systems/1/": SYSTEM,
        "/redfish/v1/systems/1/bios": BIOS,
        **more,
    }


async def facts(told: object) -> dict[str, object]:
    """The facts of the one system in a recording."""
    (found,) = await recorded.read(told, "there.json")
    return {name: fact.value for name, fact in found.facts.items()}


EXPANDED = {"/redfish/v1": ROOT, "/redfish/v1/Systems": {"Members": [SYSTEM]}}
ABSOLUTE = {f"https://10.0.0.7{uri}": body for uri, body in tree().items()}


@pytest.mark.parametrize(
    ("told", "virt"),
    [
        (tree(), "disabled"),
        (ABSOLUTE, "disabled"),
        ([SYSTEM, BIOS], "disabled"),
        ({"/redfish/v1/Systems/1": SYSTEM, "/redfish/v1/Systems/1/Bios": BIOS}, "disabled"),
        (EXPANDED, None),
        (SYSTEM, None),
    ],
)
async def test_shapes(told: object, virt: str | None) -> None:
    """A tree, a list, a part of a tree, expanded members, one resource: the same facts."""
    found = await facts(told)
    assert found["system.model"] == "Box"
    assert found["memory.total"] == 64 << 30
    assert found.get("cpu.virt.state") == virt


async def test_one_bios_tells_its_platform() -> None:
    """A Bios without its system: names that only one platform has say whose it is."""
    names = {"ProcVirtualization": "Enabled", "SriovGlobalEnable": "Disabled"}
    (found,) = await recorded.read(BIOS | {"Attributes": names}, "bios.json")
    assert found.bmc.platform.id == "dell-idrac"
    told = {name: fact.value for name, fact in found.facts.items()}
    assert told["iommu.state"] == "enabled"  # on Intel, one switch provides both
    assert told["sriov.state"] == "disabled"
    assert found.path == "/redfish/v1/systems/1"


async def test_several_systems() -> None:
    """One entry for each that can be started; a board full of GPUs is no server."""
    nodes = {
        f"/redfish/v1/Systems/Node{number}": SYSTEM | {"Model": f"Node {number}"}
        for number in range(3)
    }
    nodes["/redfish/v1/Systems/GPUs"] = {"Model": "Board"}
    told = {"/redfish/v1": ROOT, "/redfish/v1/Systems": systems(*nodes), **nodes}
    found = await recorded.read(told, "rack.json")
    assert [each.name for each in found] == ["Node0", "Node1", "Node2"]
    assert [each.facts["system.model"].value for each in found] == ["Node 0", "Node 1", "Node 2"]


async def test_members_that_were_not_recorded() -> None:
    """Part of a rack was recorded: the part that was is read."""
    told = tree(
        **{"/redfish/v1/systems": systems("/redfish/v1/Systems/1", "/redfish/v1/Systems/2")}
    )
    assert (await facts(told))["system.model"] == "Box"


async def test_a_recording_plans_and_refuses_changes() -> None:
    """The remedy can be printed from it; nothing can be sent to it."""
    (found,) = await recorded.read(tree(), "there.json")
    plan = await bios.plan(found.bmc, {"virtualization": "enabled"})
    assert plan.body == {"Attributes": {"ProcVirtualization": "Enabled"}}
    with pytest.raises(Refused, match=r"there\.json is a recording"):
        await bios.send(found.bmc, plan)
    with pytest.raises(Refused):
        await found.bmc.post("/reset", {})
    assert found.bmc.tls is None


PENDING = BIOS | {"@odata.id": "/redfish/v1/Systems/1/Bios/Settings"}
POWER = {"@odata.id": "/redfish/v1/Chassis/1/Power", "@odata.type": "#Power.v1_0_0.Power"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "not of Redfish"),
        ([], "not of Redfish"),
        (7, "not of Redfish"),
        (None, "not of Redfish"),
        ({"a": {"b": 1}}, "not of Redfish"),
        ([1, {"no": "id"}], "not of Redfish"),
        (POWER, "it holds Power and no computer system"),
        (PENDING, "it holds Bios and no computer system"),  # staged is not in force
        (systems("/redfish/v1/Systems/1"), "none of the computer systems it lists"),
        ({"/redfish/v1": ROOT}, "it holds ServiceRoot and no computer system"),
        ({"/redfish/v1/Systems/1": {"@odata.type": "#ComputerSystem.x"}}, "tells nothing"),
    ],
)
async def test_what_is_no_recording(told: object, why: str) -> None:
    """The error says what it is, and what was expected."""
    with pytest.raises(RecordingUnknown, match=why) as caught:
        await recorded.read(told, "there.json")
    assert "there.json" in str(caught.value)
    assert "Expected is a Redfish tree" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN', "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" + b"1," * (recorded_json.MOST_VALUES + 1) + b"1]", "more values than any BMC"),
    ],
)
def test_damaged_files(data: bytes, why: str) -> None:
    """Cut short, of another encoding, or a bomb: a clear error."""
    with pytest.raises(RecordingDamaged, match=why):
        recorded.parse(data, "there.json")


def lines(told: dict[str, Any], between: str = ",\n") -> bytes:
    """A tree as recorders write it: one resource per line."""
    rows = between.join(f"{json.dumps(uri)}: {json.dumps(body)}" for uri, body in told.items())
    return f"{{\n{rows}\n}}\n".encode()


@pytest.mark.parametrize("between", [",\n", ", ", ",\n  ", ",\n\n", ",\r\n"])
async def test_one_resource_per_line(between: str) -> None:
    """Layout is of no matter, two in a line included; what is read is the same."""
    parsed = recorded.parse(lines(tree(), between), "there.json")
    assert isinstance(parsed, recorded_json.Lines) is (between in (",\n", ",\n  ", ",\r\n"))
    assert recorded.is_redfish(parsed)
    assert await facts(parsed) == await facts(tree())
    expanded = recorded.parse(lines(EXPANDED), "there.json")
    assert await facts(expanded) == await facts(EXPANDED)
    assert await facts(recorded.parse(lines({"/x": 1, **tree()}), "x")) == await facts(tree())


async def test_a_line_that_is_damaged() -> None:
    """It is an error once it is needed; where it lies is told."""
    raw = lines(tree()).replace(b'"Attributes": {"ProcV', b'"Attributes": {"ProcV", ')
    with pytest.raises(RecordingDamaged, match=r"there\.json at /redfish/v1/systems/1/bios"):
        await facts(recorded.parse(raw, "there.json"))


def test_what_looks_like_redfish() -> None:
    """A tree, a list and a resource do; other JSON does not."""
    assert recorded.is_redfish(tree())
    assert recorded.is_redfish([SYSTEM])
    assert recorded.is_redfish(BIOS)
    assert recorded.parse(b"\xef\xbb\xbf{}", "with a mark") == {}
    others: list[object] = [{}, [], [1], "x", None, {"facts": {}}]
    for other in others:
        assert not recorded.is_redfish(other)


def test_too_many() -> None:
    """A recording has bounds: of resources, and of systems."""
    many: dict[str, object] = {
        f"/redfish/v1/X/{number}": {} for number in range(recorded.MOST_RESOURCES + 1)
    }
    with pytest.raises(RecordingDamaged, match="more than 50000 resources"):
        list(recorded._bodies(many, "reading"))


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=6) | st.sampled_from([SYSTEM, BIOS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Members", "@odata.id", "/redfish/v1", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted(tree())), ODD) | ODD)
async def test_any_value_may_be_absurd(told: object) -> None:
    """Facts, or an error of ours; never a traceback, never a wrong model."""
    try:
        found = await recorded.read(told, "odd.json")
    except ProvisionError:
        return
    for each in found:
        assert each.facts.get("system.model") is None or each.facts["system.model"].value == "Box"


def layout(folder: Path, told: dict[str, Any], below: str = "redfish/v1") -> None:
    """Write a mockup."""
    for uri, body in told.items():
        rest = uri.removeprefix("/redfish/v1").strip("/")
        place = folder / below / rest if rest else folder / below
        place.mkdir(parents=True, exist_ok=True)
        (place / "index.json").write_text(json.dumps(body))


@pytest.mark.parametrize("below", ["redfish/v1", "v1", ""])
async def test_mockup_directories(tmp_path: Path, below: str) -> None:
    """DMTF's layout, in its long and its short form; where a body says its URI, that counts."""
    layout(tmp_path, tree(), below)
    assert mockups.is_mockup(tmp_path)
    found = await facts(mockups.tree(tmp_path))
    assert (found["system.model"], found["cpu.virt.state"]) == ("Box", "disabled")


def test_directories_that_are_no_mockup(tmp_path: Path) -> None:
    """Nothing there, no JSON, a list, a pipe: errors that name the file."""
    assert not mockups.is_mockup(tmp_path)
    with pytest.raises(RecordingUnknown, match=r"no index\.json"):
        mockups.tree(tmp_path)
    for content, why in (("{", "not JSON"), ("[]", "no JSON object")):
        (tmp_path / "index.json").write_text(content)
        with pytest.raises(RecordingDamaged, match=why) as caught:
            mockups.tree(tmp_path)
        assert "index.json" in str(caught.value)


def test_a_mockup_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and folders are counted; what is no regular file is not opened."""
    import os

    layout(tmp_path, tree())
    monkeypatch.setattr(mockups, "MOST_BYTES", 100)
    with pytest.raises(RecordingDamaged, match="MiB"):
        mockups.tree(tmp_path)
    monkeypatch.setattr(mockups, "MOST_FOLDERS", 2)
    with pytest.raises(RecordingDamaged):
        mockups.tree(tmp_path)
    pipe = tmp_path / "pipe"
    pipe.mkdir()
    os.mkfifo(pipe / "index.json")
    with pytest.raises(RecordingDamaged, match="no regular file"):
        mockups.tree(pipe)
