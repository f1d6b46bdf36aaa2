"""A BMC's platform is recognised by its own resources, and answers in its own names."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from hwprofiles.platforms import STANDARD, Quirks, SettingWord, all_platforms, match, match_any

ROOT = Path(__file__).parent.parent.parent

#: Service root, manager, and the platform they give away.
RECOGNISED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"Vendor": "Dell", "Oem": {"Dell": {}}}, {}, "dell-idrac"),
    ({"Vendor": "Dell"}, {"Model": "13G Monolithic", "FirmwareVersion": "2.83"}, "dell-idrac8"),
    ({"Vendor": "Dell"}, {"Model": "15G Monolithic"}, "dell-idrac9"),
    ({"Vendor": "Dell"}, {"Model": "16G DCS"}, "dell-idrac9"),
    ({"Vendor": "Dell"}, {"Model": "17G Monolithic", "FirmwareVersion": "2.10"}, "dell-idrac10"),
    ({"Vendor": "HPE"}, {}, "hpe-ilo"),
    ({"Oem": {"Hp": {}}}, {}, "hpe-ilo4"),
    ({"Vendor": "HPE"}, {"Model": "iLO 5"}, "hpe-ilo5"),
    ({"Oem": {"Hpe": {}}}, {"FirmwareVersion": "iLO 6 v1.66"}, "hpe-ilo6"),
    ({"Oem": {"Hpe": {}}}, {"Model": "iLO 7"}, "hpe-ilo7"),
    ({}, {"Model": "Lenovo XClarity Controller"}, "lenovo-xcc"),
    ({"Vendor": "Lenovo"}, {"Model": "Lenovo XClarity Controller 2"}, "lenovo-xcc2"),
    ({"Oem": {"Supermicro": {}}}, {}, "supermicro"),
    ({"Oem": {"Supermicro": {}}}, {"Oem": {"Supermicro": {"VirtualMedia": {}}}}, "supermicro-x10"),
    ({"Id": "RedvirtService"}, {}, "sushy"),
    ({"Vendor": "AMI"}, {"Model": "410810600"}, "ami"),
    ({"Vendor": "AMI"}, {"Oem": {"Nvidia": {}}}, "nvidia-dgx"),
    ({"Name": "Cisco RESTful Root Service"}, {}, "cisco-cimc"),
    ({"Vendor": "Intel Corporation"}, {}, "intel-bmc"),
    ({}, {"Model": "OpenBmc"}, "openbmc"),
    ({"Vendor": "NVIDIA"}, {"Model": "OpenBmc"}, "nvidia-openbmc"),
    ({"Oem": {"Huawei": {}}}, {}, "huawei-ibmc"),
    ({"Oem": {"xFusion": {}}}, {}, "xfusion-ibmc"),
    ({"Oem": {"ts_fujitsu": {}}}, {}, "fujitsu-irmc"),
    ({}, {"Description": "Shasta Manager"}, "hpe-cray-ex"),
    ({}, {"Description": "Microcontroller Unit for Mezz3"}, "hpe-cray-ex"),
    ({"Vendor": "Nobody"}, {"Model": "410810600"}, STANDARD),
    ({"Vendor": "Nobody"}, {"Model": "17G Monolithic"}, STANDARD),
    ({}, {}, STANDARD),
    ({"Vendor": 7, "Oem": None}, {"Oem": "Dell", "Model": ["iLO 5"]}, STANDARD),
]


@pytest.mark.parametrize(("root", "manager", "platform"), RECOGNISED)
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
    assert {platform for _, _, platform in RECOGNISED} | {"bareiron-sim"} == set(platforms)


def test_one_extends_another() -> None:
    """A generation says what is different alone, and may take a departure back."""
    platforms = all_platforms()
    family, newest = platforms["dell-idrac"], platforms["dell-idrac10"]
    assert newest.bios == family.bios
    assert newest.quirks == family.quirks.model_copy(
        update={"boot_in_settings": True, "boot_order_in_settings": True, "power_on_settles": 60}
    )
    assert platforms["supermicro"].quirks.boot_send_mode
    assert not platforms["supermicro-x10"].quirks.boot_send_mode
    # Patterns of names add up: what menus say elsewhere, they say here, too.
    assert set(platforms["lenovo-xcc"].boot_names["pxe"]) > set(
        platforms[STANDARD].boot_names["pxe"]
    )
    assert platforms["hpe-ilo7"].setting("uefi-boot", {"BootMode": "Uefi"}) is None


def test_every_departure_is_described_and_asked_for() -> None:
    """Each is one field with a description, one question in code, and some platform's."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "provision").rglob("*.py"))
    told = {name for platform in all_platforms().values() for name, on in platform.quirks if on}
    for name, field in Quirks.model_fields.items():
        assert field.description
        assert re.search(rf"quirks\.{name}\b", code), f"nobody asks for {name}"
        assert name in told or name in UNPROVEN, f"no platform has {name}"


def test_no_vendor_in_generic_code() -> None:
    """Code asks questions and never a vendor's name; comments and docstrings may give sources."""
    found = []
    for path in (*(ROOT / "provision").rglob("*.py"), *(ROOT / "hwprofiles").rglob("*.py")):
        if "personalities" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        names = [each for node in ast.walk(tree) if id(node) not in said for each in _words(node)]
        found += [f"{path}: {name[:60]}" for name in names if VENDORS.search(name)]
    assert not found


#: Departures that somebody met, and that are proven of no platform as a whole.
UNPROVEN = {"etag_never"}
VENDORS = re.compile(
    r"(?<![a-z])(dell|idrac|racadm|hpe|ilo|lenovo|xcc|xclarity|supermicro|smc|ami|megarac|gigabyte|"
    r"asrock|cisco|cimc|huawei|xfusion|ibmc|fujitsu|irmc|cray|openbmc|inspur)(?![a-z])",
    re.IGNORECASE,
)


def _words(node: ast.AST) -> list[str]:
    """The names and texts in one node of a program."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
    return [name, *name.split("_")] if isinstance(name, str) else []


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
