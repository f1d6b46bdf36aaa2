"""BIOS settings: words resolved, changes staged, and only what is staged counts."""

from __future__ import annotations

import pytest

from provision.bmc import bios, registry
from provision.bmc.client import Bmc
from provision.bmc.errors import NotApplied, NotSupported
from provision.sim import faults
from provision.sim.rack import SimServer
from provision.sim.spec import ServerSpec

OFF = ServerSpec(name="u01", virtualization=False, iommu=False)


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_words_are_found_by_map_and_by_registry(client: Bmc) -> None:
    """One name is in the platform's map, another only in the menus of the firmware."""
    found = await bios.settings(client)
    assert {word: each.state for word, each in found.items()} == {
        "virtualization": "disabled",
        "iommu": "disabled",
        "sriov": "enabled",
        "x2apic": "disabled",
        "uefi-boot": "enabled",
    }
    assert found["iommu"].attribute == "Iommu"


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_only_what_differs_is_staged(server: SimServer, client: Bmc) -> None:
    """One PATCH with the difference; staged already is nothing to do."""
    wanted = {"virtualization": "enabled", "sriov": "enabled", "iommu": "enabled"}
    changes = await bios.stage(client, wanted)
    assert [(each.attribute, each.old, each.new) for each in changes] == [
        ("ProcVirtualization", "Disabled", "Enabled"),
        ("Iommu", "Disabled", "Enabled"),
    ]
    assert await bios.stage(client, wanted) == []
    assert server.count("PATCH", "Bios") == 1
    assert (await bios.attributes(client))["ProcVirtualization"] == "Disabled"  # until it boots


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_staging_that_is_only_said(
    server: SimServer, client: Bmc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A BMC that says yes and stages nothing is found out."""
    monkeypatch.setattr(bios, "_BETWEEN_LOOKS", 0.01)
    server.faults.add(faults.lie("Bios", method="PATCH"))
    with pytest.raises(NotApplied, match="ProcVirtualization"):
        await bios.stage(client, {"virtualization": "enabled"})


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_staging_whose_answer_is_lost(server: SimServer, client: Bmc) -> None:
    """Reading back settles what a lost answer left open."""
    server.faults.add(faults.drop("Bios", method="PATCH"))
    assert len(await bios.stage(client, {"virtualization": "enabled"})) == 1
    assert server.count("PATCH", "Bios") == 1


async def test_a_word_nobody_knows(client: Bmc) -> None:
    """A name that is neither a word of ours nor an attribute is refused before anything is sent."""
    with pytest.raises(NotSupported, match="no such attribute"):
        await bios.stage(client, {"hyperspace": "enabled"})


def entry(title: object, *values: str, name: str = "X") -> dict[str, object]:
    """A registry entry with its values, whose names in the menus are words."""
    shown = ["Disabled", "Enabled"]
    return {
        "AttributeName": name,
        "DisplayName": title,
        "Value": [
            {"ValueName": value, "ValueDisplayName": label}
            for value, label in zip(values, shown, strict=True)
        ],
    }


def test_a_registry_decides_only_beyond_doubt() -> None:
    """Two entries that fit, or none, or values that are no switch: unknown."""
    one = entry("SVM Mode", "Disabled", "Enabled")
    two = entry("Intel(R) Virtualization Technology", "Disabled", "Enabled", name="Y")
    here = {"X": "Enabled", "Y": "Enabled"}
    found = registry.setting("virtualization", here, [one])
    assert found is not None
    assert (found.attribute, found.state, found.disabled) == ("X", "enabled", "Disabled")
    assert registry.setting("virtualization", here, [one, two]) is None
    assert registry.setting("virtualization", here, []) is None
    assert registry.setting("iommu", here, [one]) is None
    for odd in ({"AttributeName": "X", "DisplayName": "SVM Mode"}, entry(7, "a", "b")):
        assert registry.setting("virtualization", here, [odd]) is None


def test_values_are_spelt_as_the_bmc_spells_them() -> None:
    """Where the registry has 0 and 1 and the attributes hold the words shown, so do we."""
    numbers = entry("SR-IOV Support", "0", "1")
    found = registry.setting("sriov", {"X": "Disabled"}, [numbers])
    assert found is not None
    assert (found.state, found.enabled) == ("disabled", "Enabled")
    found = registry.setting("sriov", {"X": "0"}, [numbers])
    assert found is not None
    assert (found.state, found.enabled) == ("disabled", "1")


@pytest.mark.parametrize(
    "body",
    [{}, {"Attributes": None}, {"Attributes": []}, {"Attributes": {"A": {"current_value": 1}}}],
)
def test_attributes_of_any_shape(body: dict[str, object]) -> None:
    """What holds no readable value is not there."""
    assert bios.scalars(body) == {}
