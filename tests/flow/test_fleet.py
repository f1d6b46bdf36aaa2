"""Fleets: what has changed since a baseline, and which machines are not like the others."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import FactBook, Source
from provision.core.errors import ProvisionError
from provision.flow import fleet_baseline, fleet_text
from provision.flow.fleet import Machine, doubts, identities, reunite
from provision.flow.fleet_baseline import NoBaseline, NotOurs, drift
from provision.flow.fleet_diff import Change, Difference, Kind, compare
from provision.flow.fleet_outliers import outliers
from provision.flow.fleet_parts import make_up
from provision.flow.fleet_words import became, changes, places, unlike

GIB = 1 << 30
TIMES = "\N{MULTIPLICATION SIGN}"


def book(source: Source = Source.DMI, **told: Any) -> FactBook:
    """Facts by name, with ``_`` for the dots."""
    facts = FactBook()
    for name, value in told.items():
        area, _, rest = name.partition("_")
        facts.learn(f"{area}.{rest}", value, source, "test")
    return facts


def dimms(**sizes: int) -> list[dict[str, Any]]:
    """Memory modules of so many GiB, with a serial number each."""
    return [
        {"slot": slot, "size": size * GIB, "type": "DDR4", "serial": f"4A{slot}07"}
        if size
        else {"slot": slot, "size": 0}
        for slot, size in sizes.items()
    ]


def machine(name: str, **told: Any) -> Machine:
    """A machine of one model, unless told otherwise."""
    return Machine(name=name, facts=book(**{"system_model": "R1", **told}))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """What has changed of one machine."""
    return compare(make_up(book(**before)), make_up(book(**after)))


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The same in words."""
    return changes(difference(before, after).changes, became)


# One machine at two times


def test_slot_by_slot() -> None:
    """Modules that are gone, new or of another size are told at their slot, with the total."""
    before = {"memory_dimms": dimms(A1=16, A2=16, A3=0, A4=16), "memory_total": 48 * GIB}
    after = {"memory_dimms": dimms(A1=16, A2=0, A3=8, A4=0), "memory_total": 24 * GIB}
    assert told(before, after) == [
        "memory.total: 48 GiB → 24 GiB",
        "memory A2, A4: 16 GiB DDR4 → empty",
        "memory A3: empty → 8 GiB DDR4",
    ]


def test_a_slot_that_is_not_listed_is_as_empty_as_one_that_is() -> None:
    """Some sources list empty slots, some do not; names of slots are spelled in many ways."""
    before = [*dimms(DIMM_A1=16), {"slot": "DIMM_A2", "size": 0}]
    after = [row | {"slot": "DIMM A1"} for row in dimms(DIMM_A1=16)]
    assert difference({"memory_dimms": before}, {"memory_dimms": after}) == Difference()


def test_a_slot_of_which_nothing_is_told_is_not_empty() -> None:
    """A module whose size could not be read is neither gone nor new."""
    named = [{"slot": "A1"}]
    for before, after in ((dimms(A1=0), named), (named, dimms(A1=0)), (named, dimms(A1=16))):
        found = difference({"memory_dimms": before}, {"memory_dimms": after})
        assert not found
        assert found.untold[0].column == "size"


def test_replaced_and_moved() -> None:
    """Another serial number or MAC is a replacement, one met elsewhere before is a move."""
    before, after = dimms(A1=16, A2=16, A3=0), dimms(A1=16, A2=16, A3=0)
    after[0]["serial"] = "FFEE01"
    after[1], after[2] = {"slot": "A2", "size": 0}, before[1] | {"slot": "A3"}
    assert told({"memory_dimms": before}, {"memory_dimms": after}) == [
        "memory A1: replaced, serial 4AA107 → FFEE01",
        "memory A3: moved here from A2 (16 GiB DDR4)",
    ]
    ports = [{"name": "eno1", "mac": "9c:b6:54:88:5c:78"}]
    others = [{"name": "eno1", "mac": "9c:b6:54:88:5c:79"}]
    (change,) = difference({"nics_ports": ports}, {"nics_ports": others}).changes
    assert change.kind is Kind.REPLACED
    (change,) = difference({"system_uuid": "4c4c"}, {"system_uuid": "4c4d"}).changes
    assert change.kind is Kind.REPLACED


def test_what_changes_by_itself_is_no_change() -> None:
    """Order, names Linux deals out, life left, drivers, links that are down, a kernel's share."""
    disks = [
        {"name": "sda", "serial": "S1XK01", "size": 480, "life_left": 99},
        {"name": "sdb", "serial": "S1XK02", "size": 960, "life_left": 98},
    ]
    swapped = [
        {"name": "sda", "serial": "S1XK02", "size": 960, "life_left": 90},
        {"name": "sdb", "serial": "S1XK01", "size": 480, "life_left": 91},
    ]
    port = {"name": "eno1", "mac": "9c:b6:54:88:5c:78", "driver": "ixgbe"}
    before = {
        "storage_drives": disks,
        "boot_override_targets": ["Pxe", "Cd"],
        "nics_ports": [port | {"speed": 10**10}],
        "nics_fastest": 10**10,
        "memory_total": 125 * GIB,
    }
    after = {
        "storage_drives": swapped,
        "boot_override_targets": ["Cd", "Pxe"],
        "nics_ports": [port | {"driver": "ice"}],
        "memory_total": 125 * GIB - (300 << 20),
    }
    found = compare(make_up(book(Source.PROCFS, **before)), make_up(book(Source.PROCFS, **after)))
    assert not found
    assert [(each.column, each.link) for each in found.untold] == [("speed", True)]


def test_what_is_not_told_is_no_change() -> None:
    """Nor is it nothing: it is listed, and counts with --strict."""
    before, after = {"tpm_present": True, "memory_dimms": dimms(A1=8)}, {"system_vendor": "Acme"}
    found = difference(before, after)
    assert not found
    assert {(each.fact, each.now) for each in found.untold} == {
        ("tpm.present", False),
        ("memory.dimms", False),
        ("system.vendor", True),
    }
    seen = drift([machine("m", **before)], [machine("m", **after)])
    assert not seen
    assert seen.untold
    assert "tpm.present: told then, not now" in fleet_text.drift(seen)


def test_unsure_words_are_no_word() -> None:
    """A state that could not be told is not compared with one that was."""
    found = difference({"iommu_state": "enabled"}, {"iommu_state": "unknown"})
    assert (found.changes, len(found.untold)) == ((), 1)


def test_sources_that_spell_in_their_own_way() -> None:
    """Ports named by Redfish then and by Linux now are not compared; that is told."""
    ports = [{"name": "NIC.1", "mac": "9c:b6:54:88:5c:78"}]
    before = make_up(book(Source.REDFISH, nics_ports=ports, system_vendor="Acme Inc."))
    after = make_up(book(Source.PROCFS, nics_ports=[{"name": "eno1"}], system_vendor="Acme"))
    found = compare(before, after)
    assert not found
    assert [(each.fact, each.foreign) for each in found.untold] == [
        ("system.vendor", True),
        ("nics.ports", True),
    ]


def test_consequences_are_left_out() -> None:
    """A BIOS of another version has another date; flags decide the level; settings do not."""
    before: dict[str, Any] = {
        "firmware_version": "1",
        "firmware_date": "01/01/2020",
        "cpu_flags": ["nx", "aes"],
    }
    after: dict[str, Any] = {
        "firmware_version": "2",
        "firmware_date": "01/01/2021",
        "cpu_flags": ["nx"],
    }
    before |= {"cpu_aes": True, "cpu_nx": "enabled"}
    after |= {"cpu_aes": False, "cpu_nx": "disabled"}
    assert told(before, after) == [
        "firmware.version: 1 → 2",
        "cpu.flags: without aes",
        "cpu.nx: enabled → disabled",
    ]


def test_words_for_places() -> None:
    """Numbers of one row share its name; what names itself needs no noun."""
    assert places(["PROC 1 DIMM 1", "PROC 1 DIMM 4", "A1"]).replace("\N{NO-BREAK SPACE}", " ") == (
        "PROC 1 DIMM 1, 4; A1"
    )
    card = Change(kind=Kind.REMOVED, fact="gpus.cards", before={"name": "L4"}, listed=False)
    assert changes([card, card], became) == [f"2 {TIMES} GPU: L4 → gone"]
    assert changes([card], unlike) == ["GPU: none instead of L4"]


# Who is who


def test_identities() -> None:
    """A serial number, else a UUID, else a name; what is shared or a filler tells nobody apart."""
    fleet = [
        machine("a", system_serial="8XJ0201"),
        machine("b", system_serial="TWIN77", system_uuid="4c4c4544-0038-5810-804a-b8c04f303231"),
        machine("c", system_serial="TWIN77"),
        machine(
            "d", system_serial="0123456789", system_uuid="0" * 8 + "-0000-0000-0000-" + "0" * 12
        ),
        machine("d"),
    ]
    assert list(identities(fleet)) == [
        "name:c",
        "name:d",
        "name:d#2",
        "serial:8XJ0201",
        "uuid:44454c4c-3800-1058-804a-b8c04f303231",
    ]


def test_known_again() -> None:
    """By serial before name, so that exchanged addresses confuse nobody; else by name."""
    before = [machine("10.0.0.1", system_serial="AA11"), machine("10.0.0.2", system_serial="BB22")]
    after = [machine("10.0.0.2", system_serial="AA11"), machine("10.0.0.3", system_serial="CC33")]
    met = reunite(before, after)
    assert [(one.name, other.name) for one, other in met.pairs] == [("10.0.0.1", "10.0.0.2")]
    assert ([each.name for each in met.gone], [each.name for each in met.new]) == (
        ["10.0.0.2"],
        ["10.0.0.3"],
    )
    board = drift([machine("r1", system_serial="AA11")], [machine("r1", system_serial="BB22")])
    assert "system.serial: AA11 → BB22" in fleet_text.drift(board)
    twice = [machine("bmc", system_serial="AA11"), machine("dump", system_serial="AA11")]
    assert len(reunite(before[:1], twice).pairs) == 2
    uuid, turned = "44454c4c-3800-1058-804a-b8c04f303231", "4c4c4544-0038-5810-804a-b8c04f303231"
    assert reunite([machine("x", system_uuid=uuid)], [machine("y", system_uuid=turned)]).pairs


def test_doubtful_names() -> None:
    """Serial numbers and addresses met twice, and those that came with the board, are findings."""
    filler = "03000200-0400-0500-0006-000700080009"
    port, made_up = {"name": "eno1", "mac": "9c:b6:54:88:5c:78"}, {"mac": "02:00:00:00:00:01"}
    fleet = [
        machine("a", system_serial="TWIN77", system_uuid=filler, nics_ports=[port, made_up]),
        machine("b", system_serial="TWIN77", system_uuid=filler, nics_ports=[port, made_up]),
        machine("c", system_serial="To be filled by O.E.M."),
    ]
    found = {(each.what, each.fake): len(each.machines) for each in doubts(fleet)}
    assert found == {
        ("system.serial", False): 2,
        ("system.serial", True): 1,
        ("system.uuid", True): 2,
        ("nics.ports.mac", False): 2,
    }
    seen = outliers(fleet)
    assert not seen.alike
    assert "the placeholder" in fleet_text.outliers(seen)


# The baseline's file


def test_saved_and_read(tmp_path: Path) -> None:
    """What is kept is compared as what was read; the file holds no times and paths."""
    path = tmp_path / "rack.json"
    fleet = [machine(f"m{n}", system_serial=f"AB{n}7", memory_dimms=dimms(A1=16)) for n in range(3)]
    assert fleet_baseline.save(path, fleet) == ["serial:AB07", "serial:AB17", "serial:AB27"]
    document = json.loads(path.read_text())
    assert document["schema"] == "bareiron.baseline/1"
    assert document["machines"]["serial:AB07"]["facts"]["system.model"] == {
        "value": "R1",
        "source": "dmi",
    }
    seen = drift(fleet_baseline.load(path), fleet)
    assert not seen
    assert not seen.untold
    assert fleet_text.drift(seen) == "3 machines: 3 as in the baseline\n"
    seen = drift(fleet_baseline.load(path), [*fleet[1:], machine("new")], {"m0"})
    assert (seen.unread, [each.name for each in seen.new]) == (("m0",), ["new"])
    assert not seen.gone
    fleet_baseline.save(path, fleet[:1])
    assert len(fleet_baseline.load(path)) == 1


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    """A dump named by mistake as the file to write stays."""
    path = tmp_path / "dmidecode.txt"
    path.write_text("# dmidecode 3.3\n")
    with pytest.raises(NotOurs):
        fleet_baseline.save(path, [machine("a")])
    assert path.read_text() == "# dmidecode 3.3\n"


DAMAGED = [
    ("", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("\x00\x01", "not JSON"),
    ("[]", "names no schema"),
    ('{"schema": "bareiron.facts/1"}', "bareiron.baseline/1 was expected"),
    ('{"schema": "bareiron.baseline/1"}', "machines: should be an object"),
    ('{"schema": "bareiron.baseline/1", "machines": {"a": 1}}', "a: it has no facts"),
    ('{"schema": "bareiron.baseline/1", "machines": {"a": {"facts": {}}}}', "a: it has no name"),
]


@pytest.mark.parametrize(("text", "why"), DAMAGED)
def test_damaged_baselines(tmp_path: Path, text: str, why: str) -> None:
    """What is no baseline is refused with its place, and with exit status 13."""
    path = tmp_path / "rack.json"
    path.write_text(text)
    with pytest.raises(NoBaseline, match=why) as caught:
        fleet_baseline.load(path)
    assert caught.value.status == 13


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "source", "size", "slot"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=VALUES, name=st.sampled_from(["memory.dimms", "system.model", "cpu.flags", "x.y"]))
def test_any_value_in_a_baseline(
    tmp_path_factory: pytest.TempPathFactory, value: Any, name: str
) -> None:
    """Whatever a fact holds, the file is read or refused; nothing else happens."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    facts = {name: {"value": value, "source": "dmi"}}
    machines = {"name:a": {"name": "a", "facts": facts}}
    path.write_text(json.dumps({"schema": "bareiron.baseline/1", "machines": machines}))
    try:
        before = fleet_baseline.load(path)
    except ProvisionError:
        return
    fleet_text.drift(drift(before, before)).encode()
    fleet_text.outliers(outliers(before)).encode()


# Machines among others


def test_the_odd_ones() -> None:
    """What most have is told once, the odd ones slot by slot, machines alike in it together."""
    usual = {"memory_dimms": dimms(A1=16, A2=16), "firmware_version": "2.1"}
    short = {"memory_dimms": dimms(A1=16, A2=0), "firmware_version": "2.1"}
    fleet = [machine(f"m{n:02}", **usual) for n in range(20)]
    fleet += [machine(f"s{n:02}", **short) for n in range(12)]
    fleet.append(machine("old", **usual | {"firmware_version": "1.9"}))
    found = outliers(fleet)
    (model,) = found.models
    assert len(model.odd) == 13
    text = fleet_text.outliers(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "ODD      memory of 12 machines: s00, s01," in text
    assert "memory A2: empty instead of 16 GiB DDR4" in text
    assert "ODD      firmware of old\n         firmware.version: 1.9 instead of 2.1" in text
    assert f"memory    2 {TIMES} 16 GiB DDR4 in A1, A2" in text
    assert text.endswith("33 machines of 1 model: 13 odd\n")


def test_no_majority() -> None:
    """With a tie nobody is odd; both groups are shown, and the fleet is not alike."""
    fleet = [machine("a", firmware_version="1"), machine("b", firmware_version="2")]
    found = outliers(fleet)
    assert (found.alike, found.models[0].odd) == (False, [])
    text = fleet_text.outliers(found)
    assert "SPLIT    firmware: no majority, 2 groups" in text
    assert "firmware.version: 2 instead of 1" in text


def test_silence_is_neither_odd_nor_alike() -> None:
    """Who does not tell is not odd, is counted aloud, and hides no difference of the others."""
    fleet = [machine(f"q{n}", tpm_present=True) for n in range(5)]
    fleet += [machine(f"a{n}", firmware_version="1") for n in range(3)]
    fleet += [machine("b", firmware_version="2")]
    found = outliers(fleet)
    assert [each.name for each in found.models[0].odd] == ["b"]
    text = fleet_text.outliers(found)
    assert "NOT TOLD firmware: nothing of 5 machines; tpm: nothing of 4 machines" in text
    rows = [{"slot": "A1", "size": GIB}, {"slot": "A1", "size": GIB, "rank": 1}]
    rows.append(rows[0] | {"rank": 2})
    fleet = [machine(f"q{n}", memory_dimms=[rows[0]]) for n in range(5)]
    fleet += [machine("one", memory_dimms=[rows[1]]), machine("two", memory_dimms=[rows[2]])]
    (group,) = next(area for area in outliers(fleet).models[0].areas if area.name == "memory").odd
    assert [change.columns for change in group.difference.changes] == [("rank",)]


def test_models_are_not_compared_with_each_other() -> None:
    """One of its model is odd to nobody, and told to be alone."""
    fleet = [machine(n, system_model=m) for n, m in (("a", "R1"), ("b", "r1"), ("c", "R2"))]
    found = outliers(fleet)
    assert found.alike
    assert "ALONE" in fleet_text.outliers(found)
    assert fleet_text.outliers(outliers([])) == "0 machines of 0 models: nobody odd\n"


def test_output_stays_short() -> None:
    """A fleet without any order is told in a page or two, not machine by machine."""
    fleet = [machine(f"m{n}", firmware_version=str(n)) for n in range(400)]
    assert len(fleet_text.outliers(outliers(fleet)).splitlines()) < 60


# Laws

ROWS = st.lists(
    st.fixed_dictionaries(
        {"slot": st.sampled_from(["A1", "A2", "DIMM A2", "B1"])},
        optional={
            "size": st.sampled_from([0, GIB, 2 * GIB]),
            "rank": st.integers(1, 2),
            "serial": st.sampled_from(["4A01", "4B02", "4C03"]),
        },
    ),
    max_size=4,
)
DISKS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["sda", "sdb", "Bay 1"])},
        optional={"size": st.sampled_from([1, 2]), "serial": st.sampled_from(["S1X", "S2X"])},
    ),
    max_size=4,
)
BOOKS = st.builds(
    lambda told, source: book(source, **told),
    st.fixed_dictionaries(
        {},
        optional={
            "memory_dimms": ROWS,
            "storage_drives": DISKS,
            "memory_total": st.sampled_from([GIB, 2 * GIB]),
            "firmware_version": st.sampled_from(["1", "2"]),
            "iommu_state": st.sampled_from(["enabled", "disabled", "unknown"]),
        },
    ),
    st.sampled_from([Source.DMI, Source.REDFISH]),
)


@given(BOOKS)
def test_a_machine_does_not_differ_from_itself(facts: FactBook) -> None:
    """Nothing has changed, and nothing is told by one side only."""
    assert compare(make_up(facts), make_up(facts)) == Difference()


def slots(found: Difference) -> set[tuple[str, str]]:
    """Where something has changed; disks have no place that lasts."""
    lasting = (each for each in found.changes if each.fact != "storage.drives")
    return {(each.fact, each.slot.removeprefix("DIMM ")) for each in lasting}


@given(BOOKS, BOOKS)
def test_back_and_forth(one: FactBook, other: FactBook) -> None:
    """What is new one way is gone the other way, and so for what is not told."""
    forth = compare(make_up(one), make_up(other), same=False)
    back = compare(make_up(other), make_up(one), same=False)
    assert slots(forth) == slots(back)
    for kind, opposite in ((Kind.ADDED, Kind.REMOVED), (Kind.REMOVED, Kind.ADDED)):
        assert [each.fact for each in forth.changes if each.kind is kind] == [
            each.fact for each in back.changes if each.kind is opposite
        ]
    assert bool(compare(make_up(one), make_up(other))) == bool(
        compare(make_up(other), make_up(one))
    )


@given(st.lists(BOOKS, max_size=7), st.randoms(use_true_random=False))
def test_order_does_not_matter(books: list[FactBook], chance: random.Random) -> None:
    """The groups are the same whichever machine is read first; an odd one always has a reason."""
    fleet = [Machine(name=f"m{at}", facts=facts) for at, facts in enumerate(books)]
    found = outliers(fleet)
    shuffled = list(fleet)
    chance.shuffle(shuffled)
    assert outliers(shuffled).models == found.models
    for model in found.models:
        for area in model.areas:
            assert all(group.difference for group in area.groups[1:])
