"""Power and boot settings of personalities, and the ETags that guard them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sim.people import Person, person


def override(target: str, enabled: str = "Once", mode: str = "UEFI") -> dict[str, Any]:
    """Return a whole override."""
    names = {"Target": target, "Enabled": enabled, "Mode": mode}
    found = {f"BootSourceOverride{key}": value for key, value in names.items() if value}
    return {"Boot": found}


async def boot(bmc: Person, uri: str = "") -> Any:
    """Return Boot of the system, or of another resource."""
    return (await bmc.get(uri or bmc.system))["Boot"]


#: Personality -> words among its targets, and words that are not.
TARGETS = {
    "dell-idrac9": ({"SDCard", "UefiHttp", "UefiTarget", "Cd"}, {"Usb"}),
    "lenovo-xcc": ({"Usb", "Diags"}, {"SDCard"}),
    "supermicro-x13": ({"UsbCd", "Cd", "Usb"}, {"UefiTarget"}),
    "supermicro-x10": ({"CD/DVD", "UefiUsbCd"}, {"Cd", "Usb"}),
    "hpe-ilo5": ({"Usb", "SDCard", "UefiShell"}, {"Floppy"}),
    "ami-gigabyte": ({"Usb", "SDCard", "UefiBootNext"}, {"Diags"}),
    "openbmc": ({"Usb", "Diags"}, {"UefiTarget"}),
}


@pytest.mark.parametrize(("name", "told"), TARGETS.items())
async def test_override_targets(name: str, told: tuple[set[str], set[str]]) -> None:
    """Those of the vendor are taken, others are refused."""
    async with person(name) as bmc:
        listed = (await boot(bmc))["BootSourceOverrideTarget@Redfish.AllowableValues"]
        assert told[0] <= set(listed)
        assert not told[1] & set(listed)
        mode = "" if name == "supermicro-x10" else "UEFI"
        for word in told[1]:
            answer = await bmc.write(bmc.system, override(word, mode=mode))
            assert (answer.status, answer.message) == (400, "PropertyValueNotInList")
        word = sorted(told[0])[0]
        assert (await bmc.write(bmc.system, override(word, mode=mode))).status == 200
        assert (await boot(bmc))["BootSourceOverrideTarget"] == word


async def test_supermicros_virtual_cd_is_called_usbcd() -> None:
    """Cd is the physical drive, which is not there: the firmware goes on to the boot order."""
    async with person("supermicro-x13") as bmc:
        options = bmc.server.machine.boot
        for word, first in (("UsbCd", "Cd"), ("Cd", "Hdd")):
            assert (await bmc.write(bmc.system, override(word))).status == 200
            assert (await boot(bmc))["BootSourceOverrideTarget"] == word
            assert options.take()[1][0].alias == first


async def test_lenovo_has_once_alone() -> None:
    """Persistence is the boot order's, and that is written at Pending."""
    async with person("lenovo-xcc") as bmc:
        shown = await boot(bmc)
        assert shown["BootSourceOverrideEnabled@Redfish.AllowableValues"] == ["Once", "Disabled"]
        answer = await bmc.write(bmc.system, override("Usb", "Continuous"))
        assert answer.status == 400
        order = shown["BootOrder"][::-1]
        answer = await bmc.write(bmc.system, {"Boot": {"BootOrder": order}})
        assert (answer.status, answer.message) == (400, "PropertyNotWritable")
        pending = await bmc.link(bmc.system, "@Redfish.Settings", "SettingsObject")
        assert pending.endswith("/Systems/1/Pending")
        assert (await bmc.write(pending, {"Boot": {"BootOrder": order}})).status == 200
        assert (await boot(bmc))["BootOrder"] == order


async def test_supermicro_forgets_what_is_not_sent_again() -> None:
    """The mode, and Enabled, fall back."""
    async with person("supermicro-x13") as bmc:
        await bmc.write(bmc.system, override("Pxe"))
        assert (await boot(bmc))["BootSourceOverrideMode"] == "UEFI"
        await bmc.write(bmc.system, override("Pxe", mode=""))
        assert (await boot(bmc))["BootSourceOverrideMode"] == "Legacy"
        await bmc.write(bmc.system, override("Pxe", enabled=""))
        assert (await boot(bmc))["BootSourceOverrideEnabled"] == "Disabled"


async def test_idrac_10_writes_boot_on_its_settings_resource_alone() -> None:
    """On iDRAC 9 it is the other way about: there the settings resource breaks Once."""
    async with person("dell-idrac10") as bmc:
        settings = await bmc.link(bmc.system, "@Redfish.Settings", "SettingsObject")
        answer = await bmc.write(bmc.system, override("Pxe"))
        assert (answer.status, answer.message) == (400, "PropertyNotWritable")
        assert (await bmc.write(settings, override("Pxe"))).status == 200
        assert (await boot(bmc))["BootSourceOverrideTarget"] == "Pxe"
    async with person("dell-idrac9") as bmc:
        settings = await bmc.link(bmc.system, "@Redfish.Settings", "SettingsObject")
        assert (await bmc.write(settings, override("Pxe"))).status == 200
        assert (await boot(bmc))["BootSourceOverrideEnabled"] == "Disabled"
        assert (await bmc.write(bmc.system, override("Pxe"))).status == 200
        assert (await boot(bmc))["BootSourceOverrideEnabled"] == "Once"


async def test_a_uefi_target_is_never_continuous() -> None:
    """As Dell and the schema have it."""
    async with person("dell-idrac9") as bmc:
        path = (await boot(bmc))["UefiTargetBootSourceOverride@Redfish.AllowableValues"][0]
        wanted = override("UefiTarget", "Continuous")
        wanted["Boot"]["UefiTargetBootSourceOverride"] = path
        assert (await bmc.write(bmc.system, wanted)).status == 400


@pytest.mark.parametrize("name", ["cisco-cimc", "supermicro-x10"])
async def test_those_without_mode_order_and_options(name: str) -> None:
    """Cisco and X10 have an override and nothing else."""
    async with person(name) as bmc:
        shown = await boot(bmc)
        assert "BootSourceOverrideTarget" in shown
        assert not {"BootSourceOverrideMode", "BootOrder", "BootOptions"} & shown.keys()
        assert (await bmc.ask("GET", f"{bmc.system}/BootOptions")).status == 404


async def test_cray_ex_has_an_order_and_no_override() -> None:
    """BootOrder is all there is."""
    async with person("hpe-cray-ex") as bmc:
        shown = await boot(bmc)
        assert not [key for key in shown if key.startswith("BootSourceOverride")]
        assert shown["BootOrder"]
        assert (await bmc.write(bmc.system, override("Pxe"))).status == 400


async def test_dgx_lists_its_targets_on_the_settings_resource() -> None:
    """None on the system."""
    async with person("ami-dgx") as bmc:
        name = "BootSourceOverrideTarget@Redfish.AllowableValues"
        assert name not in await boot(bmc)
        settings = await bmc.link(bmc.system, "@Redfish.Settings", "SettingsObject")
        assert name in await boot(bmc, settings)


async def test_ami_wants_the_whole_override_and_a_tag_it_takes() -> None:
    """428 without If-Match, 412 for its own W/ tag, 400 for part of an override."""
    async with person("ami-gigabyte") as bmc:
        whole = override("Pxe")
        assert (await bmc.ask("PATCH", bmc.system, whole)).status == 428
        tag = (await bmc.get(bmc.system))["@odata.etag"]
        assert tag.startswith("W/")
        assert (await bmc.write(bmc.system, whole, headers={"If-Match": tag})).status == 412
        stripped = {"If-Match": tag.removeprefix("W/")}
        part = await bmc.write(bmc.system, override("Pxe", mode=""), headers=stripped)
        assert part.status == 400
        assert (await bmc.write(bmc.system, whole, headers=stripped)).status == 200
        order = (await boot(bmc))["BootOrder"]
        assert (await bmc.write(bmc.system, {"Boot": {"BootOrder": order}})).status == 200


async def test_dgx_quotes_its_tag_twice() -> None:
    """The header's is refused, the body's and * are taken."""
    async with person("ami-dgx") as bmc:
        got = await bmc.ask("GET", bmc.system)
        header, inner = got.headers["ETag"], got.body["@odata.etag"]
        assert header == f'"{inner}"'
        for tag, status in ((header, 412), (inner, 200), ("*", 200)):
            answer = await bmc.write(bmc.system, {"AssetTag": "x"}, headers={"If-Match": tag})
            assert answer.status == status


async def test_lenovo_wants_a_fresh_tag() -> None:
    """428 without, 412 stale; XCC 2 takes the tag in the body as well."""
    async with person("lenovo-xcc") as bmc:
        tag = await bmc.tag(bmc.system)
        assert (await bmc.ask("PATCH", bmc.system, {"AssetTag": "a"})).status == 428
        assert (await bmc.write(bmc.system, {"AssetTag": "a"})).status == 200
        answer = await bmc.write(bmc.system, {"AssetTag": "b"}, headers={"If-Match": tag})
        assert answer.status == 412
    async with person("lenovo-xcc2") as bmc:
        assert (await bmc.ask("PATCH", bmc.system, {"AssetTag": "a"})).status == 428
        body = {"AssetTag": "a", "@odata.etag": await bmc.tag(bmc.system)}
        assert (await bmc.ask("PATCH", bmc.system, body)).status == 200


async def test_idrac_10_wants_no_tag_on_actions() -> None:
    """If-Match on an action is 412; without it all is well."""
    async with person("dell-idrac10") as bmc:
        action = (await bmc.get(bmc.system))["Actions"]["#ComputerSystem.Reset"]["target"]
        tagged = await bmc.ask("POST", action, {"ResetType": "On"}, headers={"If-Match": "*"})
        assert tagged.status == 412
        assert (await bmc.power("On")).status == 204


async def test_idracs_tag_depends_on_the_encoding() -> None:
    """With gzip accepted it ends in -gzip, and such a tag matches nothing."""
    async with person("dell-idrac9") as bmc:
        tags = {}
        for how in ("gzip", "identity"):
            answer = await bmc.ask("GET", bmc.system, headers={"Accept-Encoding": how})
            tags[how] = answer.headers["ETag"]
        assert tags["gzip"].endswith('-gzip"')
        for how, status in (("gzip", 412), ("identity", 200)):
            headers = {"If-Match": tags[how]}
            answer = await bmc.write(bmc.system, {"AssetTag": "x"}, headers=headers)
            assert answer.status == status


@pytest.mark.parametrize("name", ["openbmc", "nvidia-gb200", "cisco-cimc"])
async def test_those_without_tags(name: str) -> None:
    """Neither in the header nor in the body."""
    async with person(name) as bmc:
        answer = await bmc.ask("GET", bmc.system)
        assert "ETag" not in answer.headers
        assert "@odata.etag" not in answer.body


async def test_huawei_guards_boot_alone() -> None:
    """Boot needs If-Match; the asset tag does not."""
    async with person("huawei-ibmc") as bmc:
        assert (await bmc.ask("PATCH", bmc.system, override("Pxe"))).status == 428
        assert (await bmc.ask("PATCH", bmc.system, {"AssetTag": "x"})).status == 200
        assert (await bmc.write(bmc.system, override("Pxe"))).status == 200


async def test_registries_of_ilo_are_compressed_or_not_at_all() -> None:
    """406 to whoever takes no gzip."""
    async with person("hpe-ilo5") as bmc:
        uri = "/redfish/v1/registrystore/registries/en/biosattributeregistryu46.v1_2_34"
        plain = await bmc.ask("GET", uri, headers={"Accept-Encoding": "identity"})
        assert plain.status == 406
        assert (await bmc.ask("GET", uri)).status == 200


async def test_ilo_changes_no_boot_settings_during_post() -> None:
    """UnableToModifyDuringSystemPOST, and afterwards all is well."""
    async with person("hpe-ilo5", scale=0.05) as bmc:
        await bmc.power("On")
        answer = await bmc.write(bmc.system, override("Usb"))
        assert (answer.status, answer.message) == (400, "UnableToModifyDuringSystemPOST")
        await bmc.stay("On")
        while "No bootable device" not in bmc.server.console():
            await bmc.get(bmc.system)
        assert (await bmc.write(bmc.system, override("Usb"))).status == 200


@pytest.mark.parametrize(("name", "status"), [("dell-idrac9", 409), ("hpe-ilo5", 400)])
async def test_a_state_that_is_there_already_is_refused(name: str, status: int) -> None:
    """ForceOff while off; nothing happens."""
    async with person(name) as bmc:
        assert (await bmc.power("ForceOff")).status == status
        assert (await bmc.get(bmc.system))["PowerState"] == "Off"


async def test_idrac_10_needs_a_moment_after_off() -> None:
    """On is 409 for some seconds, which the rack's scale shortens."""
    async with person("dell-idrac10", scale=0.2) as bmc:
        await bmc.power("On")
        await bmc.stay("On")
        await bmc.power("ForceOff")
        answer = await bmc.power("On")
        assert (answer.status, answer.message) == (409, "ActionParameterValueConflict")
        while (await bmc.power("On")).status == 409:
            assert (await bmc.get(bmc.system))["PowerState"] == "Off"
        await bmc.stay("On")


async def test_idrac_8s_graceful_restart_is_none() -> None:
    """It resets at once, whether the operating system answers or not."""
    async with person("dell-idrac8") as bmc:
        await bmc.boot_once()
        boots = bmc.server.machine.boots
        assert (await bmc.power("GracefulRestart")).status == 204
        await bmc.stay("On")
        assert bmc.server.machine.boots == boots + 1


async def test_errors_as_idrac_writes_them() -> None:
    """One object where a list belongs."""
    async with person("dell-idrac9") as bmc:
        answer = await bmc.power("Nonsense")
        assert isinstance(answer.body["error"]["@Message.ExtendedInfo"], dict)


@pytest.mark.parametrize("name", ["dell-idrac9", "hpe-ilo5"])
async def test_actions_need_a_body(name: str) -> None:
    """Nothing at all is malformed; {} is taken for what it is."""
    async with person(name) as bmc:
        slots = await bmc.link(bmc.manager, "VirtualMedia")
        slot = (await bmc.get(slots))["Members"][0]["@odata.id"]
        assert (await bmc.act(slot, "VirtualMedia.EjectMedia", None)).status == 400
        assert (await bmc.act(slot, "VirtualMedia.EjectMedia", {})).status == 204
