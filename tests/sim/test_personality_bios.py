"""BIOS settings of personalities: names, words, places, apply times, jobs, registries."""

from __future__ import annotations

from typing import Any

import pytest

from provision.sim import personalities
from tests.sim.people import ROOT, Person, person

ONRESET = {"@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}}

#: Personality -> attribute for virtualization, its on and off, and the one for the IOMMU.
SWITCHES: dict[str, tuple[str, Any, Any, str]] = {
    "ami-dgx": ("ProcessorVmxEnable", "Enable", "Disable", "VTdSupport"),
    "ami-gigabyte": ("Rome0565", "Enabled", "Disabled", "Rome0162"),
    "cisco-cimc": ("IntelVT", "Enabled", "Disabled", "IntelVTD"),
    "dell-idrac8": ("ProcVirtualization", "Enabled", "Disabled", "ProcVirtualization"),
    "dell-idrac9": ("ProcVirtualization", "Enabled", "Disabled", "ProcVirtualization"),
    "dell-idrac10": ("ProcVirtualization", "Enabled", "Disabled", "ProcVirtualization"),
    "dell-idrac9-amd": ("ProcVirtualization", "Enabled", "Disabled", "IommuSupport"),
    "lenovo-xcc2-amd": (
        "Processors_SVMMode",
        "Enabled",
        "Disabled",
        "DevicesandIOPorts_IOMMU",
    ),
    "cisco-cimc-amd": ("SvmMode", "Enabled", "Disabled", "CbsCmnGnbNbIOMMU"),
    "hpe-ilo5": ("ProcVirtualization", "Enabled", "Disabled", "IntelProcVtd"),
    "hpe-ilo6": ("ProcVirtualization", "Enabled", "Disabled", "IntelProcVtd"),
    "huawei-ibmc": ("ProcessorVmxEnable", "Enabled", "Disabled", "VTdSupport"),
    "intel-s2600": ("ProcessorVmxEnable", 1, 0, "VTdSupport"),
    "lenovo-xcc": (
        "Processors_IntelVirtualizationTechnology",
        "Enabled",
        "Disabled",
        "DevicesandIOPorts_IntelVTforDirectedIOVTd",
    ),
    "supermicro-x11": (
        "IntelVirtualizationTechnology",
        "Enable",
        "Disable",
        "IntelVTforDirectedI/O(VT-d)_0002",
    ),
    "supermicro-x13": (
        "IntelVirtualizationTechnology_3C6F",
        "Enable",
        "Disable",
        "IntelVTforDirectedI_O_VT_d__1E32",
    ),
}

#: Personality -> the last segment of where settings are staged; "" is Bios itself.
PLACES = {
    "ami-dgx": "SD",
    "ami-gigabyte": "SD",
    "cisco-cimc": "",
    "dell-idrac9": "Settings",
    "hpe-ilo5": "settings",
    "hpe-cray-ex": "",
    "lenovo-xcc": "Pending",
    "supermicro-x13": "SD",
    "intel-s2600": "Settings",
}


async def where(bmc: Person) -> str:
    """Return where changes are sent."""
    bios = await bmc.bios()
    has_none = "@Redfish.Settings" not in bios
    return str(bios["@odata.id"]) if has_none else await bmc.settings()


@pytest.mark.parametrize(("name", "told"), SWITCHES.items())
async def test_virtualization_is_switched_in_the_vendors_words(
    name: str, told: tuple[str, Any, Any, str]
) -> None:
    """Names and values as they are; staged, applied at the next boot, and wrong words refused."""
    attribute, on, off, iommu = told
    async with person(name) as bmc:
        here = (await bmc.bios())["Attributes"]
        assert here[attribute] == on
        assert iommu in here
        uri = await where(bmc)
        extra = ONRESET if name.startswith("dell") else {}
        wrong = await bmc.write(uri, {"Attributes": {attribute: "perhaps"}, **extra})
        assert wrong.status == 400
        unknown = await bmc.write(uri, {"Attributes": {"NoSuchSwitch": on}, **extra})
        assert unknown.status == 400
        answer = await bmc.write(uri, {"Attributes": {attribute: off}, **extra})
        assert answer.status in (200, 202), answer.body
        assert bmc.server.machine.bios.on("ProcVirtualization")
        await bmc.boot_once()
        assert (await bmc.bios())["Attributes"][attribute] == off
        assert not bmc.server.machine.bios.on("ProcVirtualization")


@pytest.mark.parametrize(("name", "place"), PLACES.items())
async def test_where_settings_are_staged(name: str, place: str) -> None:
    """At Settings, Pending or SD, linked or not, or Bios itself takes the PATCH."""
    async with person(name) as bmc:
        bios = await bmc.bios()
        if not place:
            assert "@Redfish.Settings" not in bios
            assert "PATCH" in (await bmc.ask("GET", bios["@odata.id"])).headers["Allow"]
            return
        assert "PATCH" not in (await bmc.ask("GET", bios["@odata.id"])).headers["Allow"]
        linked = "SettingsObject" in bios["@Redfish.Settings"]
        assert linked is (name != "ami-gigabyte")
        uri = await bmc.settings()
        assert uri.rstrip("/").rsplit("/", 1)[-1] == place
        assert "PATCH" in (await bmc.ask("GET", uri)).headers["Allow"]


async def test_dell_stages_until_an_apply_time_is_said() -> None:
    """Without ApplyTime nothing happens at a boot; with it the earlier change goes along."""
    async with person("dell-idrac9") as bmc:
        uri = await bmc.settings()
        assert (await bmc.get(uri))["Attributes"] == {}
        await bmc.write(uri, {"Attributes": {"SriovGlobalEnable": "Disabled"}})
        assert (await bmc.get(uri))["Attributes"] == {"SriovGlobalEnable": "Disabled"}
        await bmc.boot_once()
        assert (await bmc.bios())["Attributes"]["SriovGlobalEnable"] == "Enabled"
        await bmc.write(uri, {"Attributes": {"LogicalProc": "Disabled"}, **ONRESET})
        await bmc.boot_once()
        here = (await bmc.bios())["Attributes"]
        assert (here["SriovGlobalEnable"], here["LogicalProc"]) == ("Disabled", "Disabled")


async def test_dells_job_tells_the_truth_that_bios_does_not() -> None:
    """202 with a job, not found at first; pending shown as current; a second job refused."""
    async with person("dell-idrac9") as bmc:
        uri = await bmc.settings()
        change = {"Attributes": {"SriovGlobalEnable": "Disabled"}, **ONRESET}
        answer = await bmc.write(uri, change)
        job = answer.headers["Location"]
        assert answer.status == 202
        assert (await bmc.ask("GET", job)).status == 404
        assert (await bmc.get(job))["TaskState"] == "Starting"
        assert (await bmc.bios())["Attributes"]["SriovGlobalEnable"] == "Disabled"
        assert bmc.server.machine.bios.on("Sriov")
        second = await bmc.write(uri, change)
        assert second.status == 400
        assert "already committed" in second.body["error"]["message"]
        await bmc.boot_once()
        assert (await bmc.get(job))["TaskState"] == "Completed"
        queue = await bmc.get(f"{bmc.manager}/Jobs")
        assert (await bmc.get(queue["Members"][0]["@odata.id"]))["JobState"] == "Completed"
        assert (await bmc.write(uri, change)).status == 202


async def test_a_deleted_job_takes_its_changes_along() -> None:
    """No more attributes until the job is done or deleted."""
    async with person("dell-idrac10") as bmc:
        uri = await bmc.settings()
        change = {"Attributes": {"SriovGlobalEnable": "Disabled"}, **ONRESET}
        await bmc.write(uri, change)
        queue = await bmc.get(f"{bmc.manager}/Jobs")
        job = queue["Members"][0]["@odata.id"]
        await bmc.ask("GET", job)
        assert (await bmc.ask("DELETE", job)).status == 204
        await bmc.boot_once()
        assert (await bmc.bios())["Attributes"]["SriovGlobalEnable"] == "Enabled"


@pytest.mark.parametrize("name", ["hpe-ilo5", "lenovo-xcc"])
async def test_pending_is_everything(name: str) -> None:
    """HPE and Lenovo show all attributes as pending, changed or not."""
    async with person(name) as bmc:
        pending = (await bmc.get(await bmc.settings()))["Attributes"]
        assert pending == (await bmc.bios())["Attributes"]


@pytest.mark.parametrize("name", ["supermicro-x13", "intel-s2600"])
async def test_nothing_pending_has_no_attributes(name: str) -> None:
    """Supermicro and Intel leave Attributes out while nothing waits."""
    attribute, _, off, _ = SWITCHES[name]
    async with person(name) as bmc:
        uri = await bmc.settings()
        assert "Attributes" not in await bmc.get(uri)
        await bmc.write(uri, {"Attributes": {attribute: off}})
        assert (await bmc.get(uri))["Attributes"][attribute] == off


async def test_lenovo_refuses_an_apply_time() -> None:
    """The annotation itself is what it does not know."""
    async with person("lenovo-xcc") as bmc:
        attribute, _, off, _ = SWITCHES["lenovo-xcc"]
        uri = await bmc.settings()
        answer = await bmc.write(uri, {"Attributes": {attribute: off}, **ONRESET})
        assert (answer.status, answer.message) == (400, "PropertyUnknown")


async def test_ilo_says_after_post_what_became_of_a_change() -> None:
    """Success in @Redfish.Settings.Messages; iLO 7 takes IntelProcVtd, and refuses it at POST."""
    for name, told in (("hpe-ilo5", "Success"), ("hpe-ilo7", "PropertyUnknown")):
        async with person(name) as bmc:
            assert (await bmc.bios())["@Redfish.Settings"]["Messages"] == []
            change = {"Attributes": {"IntelProcVtd": "Disabled"}}
            assert (await bmc.write(await bmc.settings(), change)).status == 200
            await bmc.boot_once()
            bios = await bmc.bios()
            messages = bios["@Redfish.Settings"]["Messages"]
            assert [one["MessageId"].rsplit(".", 1)[-1] for one in messages] == [told]
            kept = bios["Attributes"]["IntelProcVtd"]
            assert kept == ("Disabled" if told == "Success" else "Enabled")


async def test_attributes_that_generations_lost() -> None:
    """BootMode went with iLO 6, ProcX2Apic with iLO 7, the SD slot after Gen10."""
    found = {}
    for name in ("hpe-ilo5", "hpe-ilo6", "hpe-ilo7"):
        async with person(name) as bmc:
            found[name] = set((await bmc.bios())["Attributes"])
    assert {"BootMode", "ProcX2Apic", "InternalSDCardSlot"} <= found["hpe-ilo5"]
    assert found["hpe-ilo6"] & {"BootMode", "ProcX2Apic", "InternalSDCardSlot"} == {"ProcX2Apic"}
    assert not found["hpe-ilo7"] & {"BootMode", "ProcX2Apic", "InternalSDCardSlot"}


#: Personality -> what Bios names, the member of Registries, and where the body is.
REGISTRIES = {
    "dell-idrac9": (
        "BiosAttributeRegistry.v1_0_3",
        "BiosAttributeRegistry.v1_0_0",
        f"{ROOT}/Systems/System.Embedded.1/Bios/BiosRegistry",
    ),
    "supermicro-x13": (
        "BiosAttributeRegistry.v1_0_0",
        "BiosAttributeRegistry",
        "/registries/BiosAttributeRegistry.1.0.0.json",
    ),
    "lenovo-xcc": (
        "BiosAttributeRegistry.1.0.0",
        "BiosAttributeRegistry.1.0.0",
        f"{ROOT}/schemas/registries/BiosAttributeRegistry.1.0.0.json",
    ),
    "hpe-ilo5": (
        "BiosAttributeRegistryU46.v1_2_34",
        "BiosAttributeRegistryU46.v1_2_34",
        f"{ROOT}/registrystore/registries/en/biosattributeregistryu46.v1_2_34",
    ),
    "nvidia-gb200": (
        None,
        "BiosAttributeRegistry",
        f"{ROOT}/Registries/BiosAttributeRegistry/BiosAttributeRegistry",
    ),
    "hpe-cray-ex": ("BiosAttributeRegistry_v1_0_0", None, ""),
    "intel-s2600": ("BiosAttributeRegistry.1.0.0", None, ""),
    "cisco-cimc": (None, None, ""),
    "openbmc": (None, None, ""),
}


@pytest.mark.parametrize(("name", "told"), REGISTRIES.items())
async def test_registries_are_where_they_are(
    name: str, told: tuple[str | None, str | None, str]
) -> None:
    """Names that do not match, a file outside /redfish, one nobody names, one nobody serves."""
    async with person(name) as bmc:
        named, member, at = told
        assert (await bmc.bios()).get("AttributeRegistry") == named
        members = (await bmc.get(f"{ROOT}/Registries"))["Members"]
        found = [one["@odata.id"] for one in members if "/Bios" in one["@odata.id"]]
        assert found == ([f"{ROOT}/Registries/{member}"] if member else [])
        if member:
            assert (await bmc.get(found[0]))["Location"][0]["Uri"] == at
            entries = (await bmc.get(at))["RegistryEntries"]["Attributes"]
            assert {entry["AttributeName"] for entry in entries} <= set(
                (await bmc.bios())["Attributes"]
            )


async def test_what_registries_say_of_values() -> None:
    """AMI's DisplayName is all there is to go by; Supermicro's ValueName is a number."""
    async with person("ami-gigabyte") as bmc:
        body = await bmc.get(f"{ROOT}/Registries/BiosAttributeRegistry.json")
        titles = {
            e["AttributeName"]: e["DisplayName"] for e in body["RegistryEntries"]["Attributes"]
        }
        assert (titles["Rome0565"], titles["Rome0162"]) == ("SVM Mode", "IOMMU")
    async with person("supermicro-x13") as bmc:
        body = await bmc.get("/registries/BiosAttributeRegistry.1.0.0.json")
        entries = {e["AttributeName"]: e for e in body["RegistryEntries"]["Attributes"]}
        values = entries["IntelVirtualizationTechnology_3C6F"]["Value"]
        assert values[0] == {"ValueName": "1", "ValueDisplayName": "Enable"}
    async with person("hpe-ilo5") as bmc:
        body = await bmc.get(REGISTRIES["hpe-ilo5"][2])
        held = [
            one["Dependency"]["MapToValue"]
            for one in body["RegistryEntries"]["Dependencies"]
            if one["Dependency"]["MapToAttribute"] == "ProcVirtualization"
            and one["Dependency"]["MapToProperty"] == "CurrentValue"
        ]
        assert held == ["Disabled", "Enabled"]


async def test_amd_machines_without_a_switch_or_with_an_auto() -> None:
    """HPE's have none for SVM, in attributes and registry; Cisco's IOMMU says Auto."""
    async with person("hpe-ilo5-amd") as bmc:
        here = (await bmc.bios())["Attributes"]
        assert "ProcAmdIoVt" in here
        assert not {"ProcVirtualization", "ProcAmdVirtualization"} & here.keys()
    async with person("cisco-cimc-amd") as bmc:
        assert (await bmc.bios())["Attributes"]["CbsCmnGnbNbIOMMU"] == "Auto"


async def test_shapes_of_values() -> None:
    """Objects on Cray EX, integers on Intel, booleans on GB200, nothing at all on OpenBMC."""
    shapes = {}
    for name in ("hpe-cray-ex", "intel-s2600", "nvidia-gb200", "openbmc"):
        async with person(name) as bmc:
            shapes[name] = (await bmc.bios()).get("Attributes")
    assert isinstance(shapes["hpe-cray-ex"]["SMT Control"], dict)
    assert all(type(value) is int for value in shapes["intel-s2600"].values())
    assert shapes["nvidia-gb200"]["EGM"] is False
    assert shapes["openbmc"] is None


def test_no_personality_has_two_attributes_of_one_name() -> None:
    """A name said twice would hide one of the two."""
    for name in personalities.names():
        bios = personalities.load(name).bios
        listed = [attribute.name for attribute in bios.attributes] if bios else []
        assert len(set(listed)) == len(listed), name
