"""What a BMC tells becomes facts; what it does not tell, or tells absurdly, becomes none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprofiles.facts import CATALOGUE, FactBook, Kind
from provision.bmc import inventory
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.inventory import learn
from provision.sim import faults
from provision.sim.rack import SimServer
from provision.sim.spec import MILAN, ServerSpec
from tests.bmc.bodies import CPU, DIMM, EMPTY, part, told, whole
from tests.bmc.hostile import SYSTEM, HostileBmc, answer

Reach = Callable[..., Access]
AMD = ServerSpec(name="u02", cpu=MILAN, virtualization=False, tpm="", powered_on=True)


async def test_a_whole_server(server: SimServer, client: Bmc) -> None:
    """Every fact of the simulated server is told as it is, with where it was read."""
    facts = await inventory.read_facts(client)
    spec = server.spec
    told = {name: fact.value for name, fact in facts.items()}
    expected = {
        "system.vendor": spec.vendor,
        "system.uuid": spec.uuid,
        "firmware.boot_mode": "uefi",
        "firmware.secure_boot": "disabled",
        "tpm.present": True,
        "tpm.version": "2.0",
        "cpu.vendor": "GenuineIntel",
        "cpu.name": spec.cpu.model,
        "cpu.family": 6,
        "cpu.model": 106,
        "cpu.stepping": 6,
        "cpu.sockets_populated": 2,
        "cpu.cores": 24,
        "cpu.virt.feature": "vmx",
        "cpu.virt.state": "enabled",
        "cpu.virt.attribute": "ProcVirtualization",
        "cpu.virt.slat": True,
        "iommu.state": "enabled",
        "sriov.state": "enabled",
        "memory.total": spec.memory_mib << 20,
        "memory.slots": 8,
        "memory.dimms_populated": 4,
        "memory.ecc": "multi-bit",
        "media.cd_slots": 1,
        "storage.largest": spec.disk_bytes,
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "Usb" in told["boot.override_targets"]  # type: ignore[operator]
    assert {fact.power_state for fact in facts.values()} == {"Off"}
    assert all(fact.path.startswith("/redfish/v1/") for fact in facts.values())


@pytest.mark.parametrize("server", [AMD], indirect=True)
async def test_a_server_with_virtualization_off(client: Bmc) -> None:
    """Off is told as off, with the attribute that says so; no TPM is told as none."""
    facts = await inventory.read_facts(client)
    assert facts["cpu.virt.state"].value == "disabled"
    assert facts["cpu.virt.feature"].value == "svm"
    assert facts["tpm.present"].value is False
    assert facts["cpu.vendor"].value == "AuthenticAMD"


async def test_a_refused_part_spoils_nothing_else(
    server: SimServer, client: Bmc, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory that cannot be read leaves memory to the summary; who asks (-v) is told where."""
    caplog.set_level(logging.INFO)
    server.faults.add(faults.busy("/Memory", method="GET", times=None, retry_after=0))
    facts = await inventory.read_facts(client)
    assert facts["memory.total"].value == server.spec.memory_mib << 20
    assert "memory.dimms_populated" not in facts
    assert facts["cpu.cores"].value == 24
    assert "/redfish/v1/Systems/1/Memory" in caplog.text
    assert max(each.levelno for each in caplog.records) == logging.INFO


async def test_at_most_four_requests_and_one_session(server: SimServer, client: Bmc) -> None:
    """An inventory costs one login and stays within forty requests."""
    await inventory.read_facts(client)
    assert server.count("POST", "Sessions") == 1
    assert len(server.requests) <= 40


def test_memory_takes_the_larger_figure() -> None:
    """Some BMCs sum wrongly, others list modules they have not read."""
    low = {"MemorySummary": {"TotalSystemMemoryGiB": 1}}
    assert told(low, memory=part(DIMM, DIMM))["memory.total"] == 64 << 30
    high = {"MemorySummary": {"TotalSystemMemoryGiB": 128}}
    assert told(high, memory=part(DIMM))["memory.total"] == 128 << 30


def test_zeros_of_a_server_that_is_off_are_not_told() -> None:
    """A host that is off has no memory to show; that is stale, not small."""
    system = {
        "PowerState": "Off",
        "MemorySummary": {"TotalSystemMemoryGiB": 0.0},
        "ProcessorSummary": {"Count": 0},
    }
    assert told(system, memory=part(), processors=part()) == {}


def test_empty_places_are_not_parts() -> None:
    """Absent modules and sockets count as places; GPUs are no processors."""
    gpu = CPU | {"ProcessorType": "GPU", "TotalCores": 9999}
    gone = CPU | {"Status": {"State": "Absent"}}
    facts = told({}, processors=part(CPU, gpu, gone), memory=part(DIMM, EMPTY))
    assert (facts["cpu.sockets_populated"], facts["cpu.sockets"]) == (1, 2)
    assert facts["cpu.cores"] == 12
    assert (facts["memory.dimms_populated"], facts["memory.slots"]) == (1, 2)


def test_an_incomplete_collection_gives_no_counts() -> None:
    """When a member could not be read, its kind is not counted."""
    facts = told({}, processors=part(CPU, complete=False), memory=part(DIMM, complete=False))
    assert not {"cpu.sockets_populated", "cpu.cores", "memory.dimms_populated"} & set(facts)


def test_processors_that_differ_have_no_common_signature() -> None:
    """Two models in one server: no single family is told."""
    other = CPU | {
        "ProcessorId": {
            "VendorId": "GenuineIntel",
            "EffectiveFamily": "0x6",
            "EffectiveModel": "0x55",
            "Step": "0x4",
        }
    }
    facts = told({}, processors=part(CPU, other))
    assert "cpu.model" not in facts
    assert facts["cpu.vendor"] == "GenuineIntel"


def test_a_leftover_boot_mode_is_no_fact() -> None:
    """The override's mode counts only while the override is on."""
    boot = {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideMode": "Legacy"}
    assert told({"Boot": boot}) == {}
    assert told({"Boot": boot | {"BootSourceOverrideEnabled": "Once"}}) == {
        "firmware.boot_mode": "bios"
    }


def test_a_boot_mode_that_contradicts_itself_is_no_fact() -> None:
    """The firmware's setting speaks, unless a lasting override says the contrary."""
    bios = part({"@odata.id": "/b", "Attributes": {"BootMode": "Uefi"}})
    boot = {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideMode": "Legacy"}
    assert told({"Boot": boot}, bios=bios) == {"firmware.boot_mode": "uefi"}
    assert told({"Boot": boot | {"BootSourceOverrideEnabled": "Continuous"}}, bios=bios) == {}


@pytest.mark.parametrize("word", ["", "  ", "N/A", "To be filled by O.E.M.", "Not Specified", None])
def test_placeholders_are_no_facts(word: object) -> None:
    """What says nothing is not repeated as if it said something."""
    assert told({"Manufacturer": word, "Model": word, "SerialNumber": word}) == {}


def test_hostile_names_are_made_safe() -> None:
    """Escape sequences, bidi and endless names do not reach a terminal."""
    model = "Box\x1b[2J\u202e" + "x" * 10_000
    value = told({"Model": model})["system.model"]
    assert isinstance(value, str)
    assert "\x1b" not in value
    assert len(value) <= 200


ABSURD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Absent", "Enabled", "CPU", "TPM9_9", -1, 2**70, 1e308, "0x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def _places(body: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = body if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ()
    below = [place for key in keys for place in _places(body[key], (*path, key))]  # type: ignore[index]
    return [path, *below] if path else below


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_field_may_be_absurd(data: st.DataObject) -> None:
    """Whatever stands in whatever field: facts of the right type, or none, and no traceback."""
    system, parts = whole()
    groups = [(system,), *(getattr(parts, name).bodies for name in _GROUPS)]
    for _ in range(data.draw(st.integers(1, 4))):
        body = data.draw(st.sampled_from([body for group in groups for body in group]))
        *way, last = data.draw(st.sampled_from(_places(body)))
        for step in way:
            body = body[step]
        body[last] = data.draw(ABSURD)
    _check(learn(system, parts))


_GROUPS = ("processors", "memory", "ports", "drives", "simple_storage", "secure_boot", "bios")


def _check(facts: FactBook) -> None:
    kinds = {Kind.BOOL: bool, Kind.WORD: str, Kind.VERSION: str, Kind.WORDS: tuple}
    kinds[Kind.TABLE] = tuple
    for name, fact in facts.items():
        assert type(fact.value) is kinds.get(CATALOGUE[name].kind, int), name
        assert fact.value not in ("", ()), name


async def test_a_tree_of_nonsense(bmc: HostileBmc, access: Reach) -> None:
    """Links to nowhere, to lists, to itself: no facts, and no traceback."""
    names = (
        "Processors",
        "Memory",
        "Storage",
        "SimpleStorage",
        "Bios",
        "SecureBoot",
        "EthernetInterfaces",
        "VirtualMedia",
    )
    nonsense = [{"@odata.id": 7}, {"@odata.id": SYSTEM}, {"@odata.id": "/missing"}, [], 3, None]
    for thing in nonsense:
        bmc.tree[SYSTEM] = {
            "PowerState": ["On"],
            "Links": thing,
            "Boot": thing,
            "Actions": thing,
            **dict.fromkeys(names, thing),
        }
        async with connect(access()) as there:
            assert dict(await inventory.read_facts(there)) == {}
    bmc.on["GET", SYSTEM] = _broken
    async with connect(access()) as there:
        with pytest.raises(Exception, match="HTTP 500"):
            await inventory.read_facts(there)


async def _broken(_request: object) -> bytes:
    return answer({}, 500)
