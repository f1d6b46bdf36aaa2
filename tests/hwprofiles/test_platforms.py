"""A BMC's platform is recognised by its own resources, and answers in its own names."""

from __future__ import annotations

from typing import Any

import pytest

from hwprofiles.platforms import STANDARD, Quirks, SettingWord, all_platforms, match, match_any


@pytest.mark.parametrize(
    ("root", "manager", "platform"),
    [
        ({"Vendor": "Dell", "Oem": {"Dell": {}}}, {}, "dell-idrac"),
        ({"Vendor": "HPE"}, {}, "hpe-ilo"),
        ({"Oem": {"Hp": {}}}, {}, "hpe-ilo4"),
        ({}, {"Model": "Lenovo XClarity Controller"}, "lenovo-xcc"),
        ({"Oem": {"Supermicro": {}}}, {}, "supermicro"),
        ({"Id": "RedvirtService"}, {}, "sushy"),
        ({"Vendor": "AMI"}, {"Model": "410810600"}, "ami"),
        ({"Vendor": "Nobody"}, {"Model": "410810600"}, STANDARD),
        ({}, {}, STANDARD),
        ({"Vendor": 7, "Oem": None}, {"Oem": "Dell"}, STANDARD),
    ],
)
def test_match(root: dict[str, Any], manager: dict[str, Any], platform: str) -> None:
    """Real clues choose the platform; a stranger, or nonsense, gets the standard."""
    assert match(root, manager).id == platform


def test_every_file_is_complete() -> None:
    """Each platform is named as its file, has sources, and knows the boot words of the standard."""
    platforms = all_platforms()
    assert set(platforms) >= {
        "redfish",
        "dell-idrac",
        "hpe-ilo",
        "lenovo-xcc",
        "supermicro",
        "sushy",
    }
    for name, platform in platforms.items():
        assert platform.id == name
        assert platform.boot_targets.keys() >= {"usb", "cd", "disk", "pxe", "sd"}
    assert platforms[STANDARD].quirks == Quirks()


def test_the_first_attribute_present_wins() -> None:
    """On AMD the platform's own switch tells of the IOMMU; on Intel the shared one does."""
    dell = all_platforms()["dell-idrac"]
    amd = dell.setting("iommu", {"IommuSupport": "Disabled", "ProcVirtualization": "Enabled"})
    assert amd is not None
    assert (amd.attribute, amd.state) == ("IommuSupport", "disabled")
    intel = dell.setting("iommu", {"ProcVirtualization": "Enabled"})
    assert intel is not None
    assert (intel.attribute, intel.state) == ("ProcVirtualization", "enabled")


@pytest.mark.parametrize(
    ("resources", "platform"),
    [
        ({"system": {"Oem": {"Dell": {}}}}, "dell-idrac"),
        ({"system": {"Links": {"Oem": {"Dell": {}}}}}, "dell-idrac"),
        ({"system": {"Oem": {"Lenovo": {}}}}, "lenovo-xcc"),
        ({"bios": {"Attributes": {"Processors_SVMMode": "Enabled"}}}, "lenovo-xcc"),
        ({"bios": {"Attributes": {"IntelProcVtd": "Enabled"}}}, "hpe-ilo"),
        ({"bios": {"Attributes": {"ProcVirtualization": "Enabled"}}}, STANDARD),
        ({"system": {"Oem": None}, "bios": {"Attributes": ["IntelProcVtd"]}}, STANDARD),
    ],
)
def test_recordings_without_a_root(resources: dict[str, Any], platform: str) -> None:
    """A system or a BIOS gives its platform away by what no other has; a shared name does not."""
    assert match_any(resources).id == platform


def test_a_setting_without_a_switch() -> None:
    """HPE's AMD machines from Gen10 Plus on: said with the reason, and only of those."""
    hpe = all_platforms()["hpe-ilo"]
    assert "no switch for AMD-V" in hpe.no_switch("virtualization", {"ProcAmdIoVt": "Enabled"})
    older = {"ProcAmdIoVt": "Enabled", "ProcAmdVirtualization": "Enabled"}
    assert hpe.no_switch("virtualization", older) == ""
    assert hpe.no_switch("virtualization", {}) == ""
    assert hpe.no_switch("iommu", {"ProcAmdIoVt": "Enabled"}) == ""


@pytest.mark.parametrize(
    ("platform", "word", "attributes", "state"),
    [
        ("dell-idrac", "tpm", {"TpmSecurity": "Off"}, "disabled"),
        ("dell-idrac", "uefi-boot", {"BootMode": "Bios"}, "disabled"),
        ("hpe-ilo", "tpm", {"TpmVisibility": "Visible"}, "enabled"),
        ("hpe-ilo", "x2apic", {"ProcX2Apic": "ForceEnabled"}, "enabled"),
        ("hpe-ilo", "x2apic", {"ProcX2Apic": "Auto"}, "unknown"),
        ("lenovo-xcc", "uefi-boot", {"BootModes_SystemBootMode": "UEFIMode"}, "enabled"),
        ("supermicro", "secure-boot", {"SecureBootEnable_0122": False}, "disabled"),
    ],
)
def test_switches_that_are_called_otherwise(
    platform: str, word: SettingWord, attributes: dict[str, Any], state: str
) -> None:
    """On and off have other words, per platform and setting."""
    setting = all_platforms()[platform].setting(word, attributes)
    assert setting is not None
    assert setting.state == state


@pytest.mark.parametrize(
    ("value", "state", "off"),
    [
        ("Enable", "enabled", "Disable"),
        ("Disabled", "disabled", "Disabled"),
        ("Auto", "unknown", "Disable"),
        (None, "unknown", "Disable"),
        ({"current_value": "Enable"}, "unknown", "Disable"),
    ],
)
def test_suffixes_and_spellings(value: object, state: str, off: str) -> None:
    """A board's suffix is found, its spelling kept for writing back, and the rest is unknown."""
    setting = all_platforms()["supermicro"].setting(
        "virtualization", {"IntelVirtualizationTechnology_3C6F": value}
    )
    assert setting is not None
    assert setting.attribute == "IntelVirtualizationTechnology_3C6F"
    assert (setting.state, setting.disabled) == (state, off)


def test_integers_are_not_booleans() -> None:
    """``1`` switches on, ``true`` is something else, and no attribute is no answer."""
    standard = all_platforms()[STANDARD]
    on, odd = (standard.setting("virtualization", {"ProcessorVmxEnable": v}) for v in (1, True))
    assert on is not None
    assert on.state == "enabled"
    assert odd is not None
    assert odd.state == "unknown"
    assert standard.setting("virtualization", {"BootMode": "Uefi"}) is None
