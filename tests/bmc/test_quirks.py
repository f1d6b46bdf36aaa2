"""Platforms that depart from the standard: chosen by what the BMC says, felt in what is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc import bios, system, virtual_media
from provision.bmc.client import Access, connect
from provision.bmc.errors import NotSupported
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer

Reach = Callable[..., Access]
BIOS = f"{SYSTEM}/Bios"
DRIVE = "/redfish/v1/VM/Remote1"


def become(bmc: HostileBmc, **root: object) -> None:
    """Let the service root say these things of itself."""
    bmc.tree["/redfish/v1"] |= root


def accept_patches(bmc: HostileBmc, path: str) -> None:
    """Let a resource take what it is sent, one level deep."""

    async def take(request: Request) -> bytes:
        for name, value in json.loads(request.body).items():
            old = bmc.tree[path].get(name)
            bmc.tree[path][name] = old | value if isinstance(old, dict) else value
        return answer(None, 204)

    bmc.on["PATCH", path] = take


def sent(bmc: HostileBmc) -> list[Any]:
    """The bodies of the changes that were asked for."""
    return [json.loads(each.body) for each in bmc.requests if each.method == "PATCH"]


async def test_the_standard_is_the_default(bmc: HostileBmc, access: Reach) -> None:
    """A BMC nobody knows is taken at the standard's word: target and enabled, no more."""
    bmc.tree[SYSTEM]["Boot"] = {"BootSourceOverrideMode": "UEFI"}
    accept_patches(bmc, SYSTEM)
    async with connect(access()) as there:
        assert there.platform.id == "redfish"
        await system.set_boot(there, "usb", once=True, mode=None)
    boot = {"BootSourceOverrideTarget": "Usb", "BootSourceOverrideEnabled": "Once"}
    assert sent(bmc) == [{"Boot": boot}]


async def test_a_mode_that_is_forgotten_is_sent_again(bmc: HostileBmc, access: Reach) -> None:
    """Where the mode does not last it goes with every change, and CDs are USB drives."""
    become(bmc, Oem={"Supermicro": {}})
    bmc.tree[SYSTEM]["Boot"] = {
        "BootSourceOverrideMode": "UEFI",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Cd", "UsbCd", "Usb"],
    }
    accept_patches(bmc, SYSTEM)
    async with connect(access()) as there:
        await system.set_boot(there, "cd", once=True, mode=None)
        await system.clear_boot(there)
    first, second = sent(bmc)
    assert first["Boot"]["BootSourceOverrideTarget"] == "UsbCd"
    assert first["Boot"]["BootSourceOverrideMode"] == "UEFI"
    assert second["Boot"] == {
        "BootSourceOverrideEnabled": "Disabled",
        "BootSourceOverrideMode": "UEFI",
    }


async def test_drives_without_actions_are_patched(bmc: HostileBmc, access: Reach) -> None:
    """Where drives have no actions, Image and Inserted are written; once is all the boot can."""
    become(bmc, Vendor="Lenovo")
    bmc.tree[SYSTEM]["VirtualMedia"] = {"@odata.id": "/redfish/v1/VM"}
    bmc.tree["/redfish/v1/VM"] = {"Members": [{"@odata.id": DRIVE}]}
    bmc.tree[DRIVE] = {"Id": "Remote1", "MediaTypes": ["CD"], "Image": None, "Inserted": False}
    accept_patches(bmc, DRIVE)
    url = "http://10.0.0.1/xen.iso"
    async with connect(access()) as there:
        assert (await virtual_media.insert(there, url)).image == url
        assert [slot.name for slot in await virtual_media.eject(there)] == ["Remote1"]
        with pytest.raises(NotSupported, match="only do it once"):
            await system.set_boot(there, "usb", once=False, mode=None)
    assert sent(bmc) == [{"Image": url, "Inserted": True}, {"Image": None, "Inserted": False}]


async def test_staged_settings_that_need_a_time(bmc: HostileBmc, access: Reach) -> None:
    """Where staging alone does nothing, the change says when to apply it; one for two words."""
    become(bmc, Oem={"Dell": {}})
    bmc.tree[SYSTEM]["Bios"] = {"@odata.id": BIOS}
    bmc.tree[BIOS] = {
        "Attributes": {"ProcVirtualization": "Disabled", "SriovGlobalEnable": "Enabled"},
        "@Redfish.Settings": {"SettingsObject": {"@odata.id": f"{BIOS}/Settings"}},
    }
    bmc.tree[f"{BIOS}/Settings"] = {"Attributes": {}}
    accept_patches(bmc, f"{BIOS}/Settings")
    async with connect(access()) as there:
        changes = await bios.stage(there, {"virtualization": "enabled", "iommu": "enabled"})
    assert [change.attribute for change in changes] == ["ProcVirtualization"]
    assert sent(bmc) == [
        {
            "Attributes": {"ProcVirtualization": "Enabled"},
            "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"},
        }
    ]


async def test_settings_without_a_place_of_their_own(bmc: HostileBmc, access: Reach) -> None:
    """Where no settings resource is named, the Bios resource itself is changed."""
    bmc.tree[SYSTEM]["Bios"] = {"@odata.id": BIOS}
    bmc.tree[BIOS] = {"Attributes": {"IntelVT": "Disabled"}}
    accept_patches(bmc, BIOS)
    async with connect(access()) as there:
        assert len(await bios.stage(there, {"virtualization": "enabled"})) == 1
        assert await bios.stage(there, {"virtualization": "enabled"}) == []
    assert sent(bmc) == [{"Attributes": {"IntelVT": "Enabled"}}]


async def test_the_manager_gives_a_platform_away(bmc: HostileBmc, access: Reach) -> None:
    """Where the root is silent, the manager's model may speak; a manager may also be absent."""
    become(bmc, Managers={"@odata.id": "/redfish/v1/Managers"})
    async with connect(access()) as there:
        assert there.platform.id == "redfish"
    bmc.tree["/redfish/v1/Managers"] = {"Members": [{"@odata.id": "/redfish/v1/Managers/1"}]}
    bmc.tree["/redfish/v1/Managers/1"] = {"Model": "Lenovo XClarity Controller"}
    async with connect(access()) as there:
        assert there.platform.id == "lenovo-xcc"


async def test_an_override_that_always_stays(bmc: HostileBmc, access: Reach) -> None:
    """Where Once is not kept, for once becomes for good, and it is said; it cannot be cleared."""
    become(bmc, Id="RedvirtService")
    bmc.tree[SYSTEM]["Boot"] = {
        "BootSourceOverrideEnabled": "Continuous",
        "BootSourceOverrideTarget": "Hdd",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe", "Cd", "Hdd"],
    }
    accept_patches(bmc, SYSTEM)
    async with connect(access()) as there:
        found = await system.set_boot(there, "cd", once=True, mode=None)
        assert (found.target, found.enabled) == ("Cd", "Continuous")
        assert "cannot do it once" in found.note
        with pytest.raises(NotSupported, match="cannot be without one"):
            await system.clear_boot(there)
    assert len(sent(bmc)) == 1


async def test_boot_that_is_taken_whole(bmc: HostileBmc, access: Reach) -> None:
    """Where target, enabled and mode are taken only together, they are sent so, also to clear."""
    become(bmc, Vendor="AMI")
    bmc.tree[SYSTEM]["Boot"] = {"BootSourceOverrideMode": "Legacy"}
    accept_patches(bmc, SYSTEM)
    async with connect(access()) as there:
        await system.set_boot(there, "usb", once=True, mode=None)
        await system.clear_boot(there)
    names = ["BootSourceOverrideEnabled", "BootSourceOverrideMode", "BootSourceOverrideTarget"]
    assert [sorted(each["Boot"]) for each in sent(bmc)] == [names, names]
    assert sent(bmc)[1]["Boot"]["BootSourceOverrideTarget"] == "None"


async def test_a_mount_that_wants_a_user(bmc: HostileBmc, access: Reach) -> None:
    """Where a user is wanted even if there is none, it is called none."""
    become(bmc, Vendor="AMI", Product="NVIDIA DGX")
    path = "/redfish/v1/VM"
    bmc.tree[SYSTEM]["VirtualMedia"] = {"@odata.id": path}
    bmc.tree[path] = {"Members": [{"@odata.id": DRIVE}]}
    action = {"#VirtualMedia.InsertMedia": {"target": f"{DRIVE}/in"}}
    bmc.tree[DRIVE] = {"Id": "CD1", "MediaTypes": ["CD"], "Inserted": False, "Actions": action}
    async with connect(access()) as there:
        assert there.platform.id == "nvidia-dgx"
        slot = await virtual_media.insert(there, "http://10.0.0.1/a/xen.iso", dry_run=True)
    assert slot.requests[0].body["UserName"] == slot.requests[0].body["Password"] == "none"
