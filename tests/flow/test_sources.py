"""Recordings: known by what is in them, put together, added to, and refused with words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.facts import CATALOGUE, FactBook, Kind, Source, as_dict
from provision.core.errors import ConfigError, ProvisionError
from provision.flow import sources
from provision.flow.sources import Machine
from provision.flow.stated import stated

TREE = {
    "/redfish/v1": {"Systems": {"@odata.id": "/redfish/v1/Systems"}},
    "/redfish/v1/Systems": {"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]},
    "/redfish/v1/Systems/1": {"Manufacturer": "ACME", "Model": "Box", "PowerState": "On"},
}
CARDIFF = "[('system', 'product', 'name', 'Box'), ('system', 'product', 'vendor', 'ACME')]"
LSCPU = (
    "Architecture: x86_64\nCPU(s): 2\nVendor ID: GenuineIntel\nCPU family: 6\nModel: 106\n"
    "Model name: Intel(R) Xeon(R) Gold 6330 CPU\nStepping: 6\n"
)


def book(**facts: object) -> FactBook:
    """Facts by name."""
    found = FactBook()
    for name, value in facts.items():
        found.learn(name.replace("__", "."), value, Source.DMI, "/dmi")  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (json.dumps(TREE), "system.model", "Box"),
        ("\ufeff\n" + json.dumps(TREE), "system.model", "Box"),
        (CARDIFF, "system.model", "Box"),
        (LSCPU, "cpu.model", 106),
        (json.dumps(as_dict(book(system__model="Box"))), "system.model", "Box"),
        (json.dumps([as_dict(book(system__model="Box"))]), "system.model", "Box"),
    ],
)
async def test_known_by_what_is_in_it(tmp_path: Path, text: str, name: str, value: object) -> None:
    """No name and no option says what a file is."""
    path = tmp_path / "recording"
    path.write_text(text, encoding="utf-8")
    (machine,) = await sources.read(str(path))
    assert machine.facts[name].value == value


async def test_a_directory_is_a_machine_or_a_mockup(tmp_path: Path) -> None:
    """Redfish's mockups are directories too; an empty one is neither."""
    with pytest.raises(ConfigError, match="nothing there tells of one"):
        await sources.read(str(tmp_path))
    for uri, body in TREE.items():
        place = tmp_path / uri.strip("/")
        place.mkdir(parents=True, exist_ok=True)
        (place / "index.json").write_text(json.dumps(body))
    (machine,) = await sources.read(str(tmp_path))
    assert machine.facts["system.vendor"].value == "ACME"
    assert machine.bmc is not None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("cpu.flags", [None], "cpu.flags wants a list of words"),
        ("cpu.flags", {"a": 1}, "cpu.flags wants a list"),
        ("memory.dimms", 5, "memory.dimms wants a list"),
        ("memory.dimms", [5], "memory.dimms wants rows"),
        ("memory.dimms", [{"slut": "A1"}], "memory.dimms has no column 'slut'"),
        ("memory.dimms", [{"size": True}], "memory.dimms[].size cannot hold True"),
        ("memory.total", 1.5, "memory.total cannot hold 1.5"),
    ],
)
async def test_facts_of_another_shape(name: str, value: object, told: str) -> None:
    """What no version of ours prints is refused by name."""
    facts = {name: {"value": value, "source": "dmi", "path": "x"}}
    printed = json.dumps({"schema": "bareiron.facts/1", "facts": facts}).encode()
    with pytest.raises(ConfigError) as error:
        await sources._of_bytes(printed, "facts.json")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("no machine at all\n", "no recording we know"),
        ('{"a": 1}', "no recording we know"),
        ('{"a": ', "not JSON"),
        (json.dumps({"schema": "bareiron.facts/1", "facts": {}}), "there are none"),
        (
            json.dumps({"schema": "bareiron.facts/1", "facts": {"cpu.coares": {}}}),
            "no such fact: cpu.coares",
        ),
        (
            json.dumps({"schema": "bareiron.facts/1", "facts": {"cpu.cores": {"value": "x"}}}),
            "reading the facts",
        ),
    ],
)
async def test_what_is_no_recording(tmp_path: Path, text: str, told: str) -> None:
    """What was expected is said, and nothing is guessed."""
    path = tmp_path / "recording"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProvisionError) as error:
        await sources.read(str(path))
    assert told in str(error.value)
    assert error.value.status == 13


@given(st.binary(max_size=400))
async def test_any_bytes(data: bytes) -> None:
    """Whatever the file holds, there are facts or an error of ours."""
    try:
        machines = await sources._of_bytes(data, "any")
    except ProvisionError:
        return
    assert all(machine.facts for machine in machines)


async def test_what_we_printed_comes_back_as_it_was() -> None:
    """Sources, places, times, power states and contradictions survive the way through JSON."""
    facts = book(memory__total=64 << 30, ports__internal=["SD Card"])
    facts.learn("memory.total", 128 << 30, Source.REDFISH, "/redfish", power_state="Off")
    slots: list[dict[str, bool | int | str | None]] = [{"slot": "A1", "size": 0}]
    facts.learn("memory.dimms", slots, Source.DMI, "/dmi")
    printed = as_dict(facts)
    (machine,) = await sources._of_bytes(json.dumps(printed).encode(), "facts.json")
    assert as_dict(machine.facts) == printed


def test_several_recordings_of_one_machine() -> None:
    """The later one counts more, and the user has the last word; what differs is kept."""
    one = Machine(target="a", facts=book(cpu__cores=8, memory__total=1 << 30))
    two = Machine(target="b", facts=book(cpu__cores=16))
    both = sources.merged([one, two])
    assert both.target == "a + b"
    assert both.facts["cpu.cores"].value == 16
    assert [rival.value for rival in both.facts["cpu.cores"].rivals] == [8]
    told = sources.with_facts(both, stated(["cpu.cores=32", "boot.device.size=32 GB"]))
    assert told.facts["cpu.cores"].value == 32
    assert told.facts["boot.device.size"].value == 32 * 10**9
    assert told.facts["boot.device.size"].source is Source.USER


def test_a_stated_signature_is_understood() -> None:
    """What follows from stated facts is worked out as from any others."""
    facts = stated(["cpu.vendor=AuthenticAMD", "cpu.family=0x10", "cpu.model=4"])
    assert facts["cpu.virt.slat"].value is True
    assert facts["cpu.xsave"].value is False


@given(st.sampled_from(sorted(CATALOGUE)), st.text(max_size=20))
def test_any_stated_fact(name: str, text: str) -> None:
    """A value is understood by the kind of its fact, or refused in words."""
    try:
        facts = stated([f"{name}={text}"])
    except ConfigError as error:
        assert name in str(error) or "NAME=VALUE" in str(error)  # noqa: PT017
        return
    assert CATALOGUE[name].kind is not Kind.TABLE
    assert name in facts


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        ({"system.serial": "A1"}, {"system.serial": "B2"}, "system.serial"),
        (
            {"system.uuid": "33221100-5544-7766-8899-aabbccddeeff", "system.serial": "A1"},
            {"system.uuid": "4C4C4544-0042-3510-8058-B4C04F4E3232", "system.serial": "A1"},
            "system.uuid",
        ),
    ],
)
def test_different_machines_are_not_put_together(
    first: dict[str, str], second: dict[str, str], number: str
) -> None:
    """What one has and what another has make no machine that suits."""
    one, two = (
        sources.Machine(target=target, facts=_book(told))
        for target, told in (("a.json", first), ("b.json", second))
    )
    with pytest.raises(ConfigError, match=rf"a\.json and b\.json together: {number} is"):
        sources.merged([one, two])


def test_a_uuid_in_the_other_order_of_bytes_is_the_same() -> None:
    """SMBIOS before 2.6 left it open; with one UUID, another serial number is no other machine."""
    one = {"system.uuid": "33221100-5544-7766-8899-aabbccddeeff", "system.serial": "chassis"}
    two = {"system.uuid": "00112233-4455-6677-8899-AABBCCDDEEFF", "system.serial": "system"}
    both = sources.merged(
        [
            sources.Machine(target="a", facts=_book(one)),
            sources.Machine(target="b", facts=_book(two)),
        ]
    )
    assert both.facts["system.serial"].value == "system"


def _book(told: dict[str, str]) -> FactBook:
    facts = FactBook()
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "x")
    return facts


@pytest.mark.parametrize(
    "value", ["10" + "0" * 400, "0x" + "f" * 30, "-1", "1_0", "٣", "", "1e400", "9" * 20]
)
def test_numbers_no_machine_has(value: str) -> None:
    """Stated, they are refused with words, and never an overflow in the middle of judging."""
    with pytest.raises(ConfigError, match=r"cpu\.cores"):
        stated([f"cpu.cores={value}"])


@pytest.mark.parametrize("value", [10**400, -1, 1 << 64])
async def test_recorded_numbers_no_machine_has(value: int) -> None:
    """In a file of ours they are an error of that file; told by a machine they are not told."""
    told = {"cpu.cores": {"value": value, "source": "dmi", "path": "x"}}
    data = json.dumps({"schema": "bareiron.facts/1", "facts": told}).encode()
    with pytest.raises(ConfigError, match="reading the facts"):
        await sources._of_bytes(data, "x.json")
    facts = FactBook()
    facts.learn("cpu.cores", value, Source.REDFISH, "x")
    assert "cpu.cores" not in facts


async def test_halves_of_characters_are_made_whole() -> None:
    """What JSON can spell and no terminal can print never lives in a fact."""
    told = {"system.model": {"value": "R\ud800805", "source": "dmi", "path": "/\udfff"}}
    data = json.dumps({"schema": "bareiron.facts/1", "facts": told}).encode()
    (machine,) = await sources._of_bytes(data, "x.json")
    json.dumps(as_dict(machine.facts), ensure_ascii=False).encode()
    assert machine.facts["system.model"].value == "R?805"


async def test_a_name_that_stands_twice_in_a_file_of_ours() -> None:
    """The last one would win unsaid: written by hand, it may be the wrong one."""
    fact = '{"value": "enabled", "source": "user", "path": "x"}'
    facts = f'{{"cpu.virt.state": {fact}, "cpu.virt.state": {fact}}}'
    data = f'{{"schema": "bareiron.facts/1", "facts": {facts}}}'
    with pytest.raises(ConfigError, match=r"cpu\.virt\.state stands there twice"):
        await sources._of_bytes(data.encode(), "x.json")
