"""Boot options: what each is, and which one is meant; in doubt, none."""

from __future__ import annotations

import pytest

from hwprofiles.platforms import all_platforms
from provision.bmc import boot_options
from provision.bmc.boot_options import BootOption
from provision.bmc.errors import NotSupported
from provision.core.errors import ConfigError

WORDS = ("usb", "cd", "disk", "pxe", "http", "sd", "setup")

#: Names and device paths in the forms that firmware gives them, and what they are.
KINDS = [
    ("Generic USB Boot", "UsbClass(0xFFFF,0xFFFF,0xFF,0xFF,0xFF)", "usb"),
    ("UEFI Maker Flash Drive", "PciRoot(0x5)/Pci(0x0,0x0)/USB(0x1,0x0)/USB(0x2,0x0)", "usb"),
    ("iLO Virtual USB 4 : iLO Virtual USB Key", "PciRoot(0x0)/USB(0x2,0x0)", "virtual-usb"),
    ("Virtual Optical Drive", "PciRoot(0x0)/USB(0x9,0x0)/USB(0x3,0x0)", "cd"),
    ("UEFI PXEv4 (MAC:020000000001)", "PciRoot(0x5)/USB(0x4,0x0)/MAC(020000000001)/IPv4(0)", "pxe"),
    ("UEFI HTTPv4", "PciRoot(0x5)/USB(0x4,0x0)/MAC(020000000001)/IPv4(0)/Uri()", "http"),
    ("Slot 1 Port 1 : Adapter (HTTP(S) IPv4)", "", "http"),
    ("HTTP Device 1: NIC in Slot 5 Port 1", "VenHw(986D1755-B9D0-4F8D-A0DA-D1DB18672045)", "http"),
    ("UEFI SAMSUNG MZ1L2", "PciRoot(0x15)/Pci(0x0,0x0)/NVMe(0x1,00-00)", "disk"),
    ("Internal SD Card", "PciRoot(0x0)/USB(0x1,0x0)", "sd"),
    # It begins at a partition, which lies who knows where.
    ("ubuntu", r"HD(1,GPT,EAB4BB71,0x800,0x219800)/\EFI\ubuntu\shimx64.efi", ""),
    ("UEFI: Built-in EFI Shell", "VenMedia(5023B95C-DB26-429B-A648-BD47664C8012)", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("name", "path", "kind"), KINDS)
def test_what_an_option_is(name: str, path: str, kind: str) -> None:
    """The name decides where it says something, then the path; what neither tells is unknown."""
    body = {"BootOptionReference": "Boot0001", "DisplayName": name, "UefiDevicePath": path}
    option = boot_options._option(body, all_platforms()["redfish"].boot_names)
    assert option is not None
    assert (option.reference, option.kind) == ("Boot0001", kind)


@pytest.mark.parametrize(
    ("platform", "name", "kind"),
    [
        ("lenovo-xcc", "HardDisk", "disk"),
        ("lenovo-xcc", "Network", "pxe"),
        ("dell-idrac9", "Unavailable: ubuntu", "unavailable"),
        ("redfish", "HardDisk", ""),
    ],
)
def test_names_of_a_platform(platform: str, name: str, kind: str) -> None:
    """A platform's file knows names that mean nothing elsewhere."""
    body = {"Id": "Boot0002", "DisplayName": name, "UefiDevicePath": "VenHw_B2AD_05"}
    option = boot_options._option(body, all_platforms()[platform].boot_names)
    assert option is not None
    assert option.kind == kind


@pytest.mark.parametrize("absurd", [None, 7, [], {}, True, "\x1b[31mred", "x" * 5000])
def test_absurd_options(absurd: object) -> None:
    """Whatever stands in an option, it is read or left out, and safe to print."""
    for key in ("BootOptionReference", "DisplayName", "UefiDevicePath", "Alias"):
        body = {"BootOptionReference": "Boot0001", "DisplayName": "Disk", key: absurd}
        option = boot_options._option(body, all_platforms()["redfish"].boot_names)
        assert option is None or "\x1b" not in option.name + option.path


MENU = [
    BootOption(reference="Boot0001", name="Disk", kind="disk"),
    BootOption(reference="Boot0002", name="Stick", kind="usb", path="USB(0x1,0x0)"),
    BootOption(reference="Boot0003", name="Stick", kind="usb", path="USB(0x2,0x0)"),
    BootOption(reference="Boot0004", name="Old stick", kind="usb", enabled=False),
]


def test_which_one_is_meant() -> None:
    """A word means all of its kind that are enabled; a reference, a name or a path what it says."""
    assert [each.reference for each in boot_options.meant(MENU, "usb", WORDS)] == [
        "Boot0002",
        "Boot0003",
    ]
    for said in ("boot0003", "USB(0x2,0x0)"):
        assert [each.reference for each in boot_options.meant(MENU, said, WORDS)] == ["Boot0003"]
    assert len(boot_options.meant(MENU, "Stick", WORDS)) == 2
    assert boot_options.meant(MENU, "cd", WORDS) == []


def test_doubt_is_refused() -> None:
    """Two sticks are no one stick; what is neither word nor option is a mistake, with a list."""
    with pytest.raises(NotSupported, match=r"Boot0002 \(Stick\), Boot0003"):
        boot_options.exactly_one(boot_options.meant(MENU, "usb", WORDS), "usb", "setting")
    with pytest.raises(NotSupported, match="no boot option proves to be cd"):
        boot_options.exactly_one([], "cd", "setting")
    with pytest.raises(ConfigError, match="no such device word") as caught:
        boot_options.known_device(MENU, "tape", WORDS, "setting")
    assert "Boot0001 (Disk)" in caught.value.hint
