"""Personalities at rest: each shows what its vendor's BMCs show, and nothing of another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hwprofiles import platforms
from provision.sim import personalities
from tests.sim.people import ROOT, person

pytestmark = pytest.mark.campaign

NAMES = personalities.names()

#: Personality -> the system's URI, and the manager's.
PLACES = {
    "ami-dgx": ("DGX", "BMC"),
    "ami-gigabyte": ("Self", "Self"),
    "cisco-cimc": ("WZP0000SIM1", "CIMC"),
    "cisco-cimc-amd": ("WZP0000SIM1", "CIMC"),
    "dell-idrac10": ("System.Embedded.1", "iDRAC.Embedded.1"),
    "dell-idrac9-amd": ("System.Embedded.1", "iDRAC.Embedded.1"),
    "hpe-ilo5-amd": ("1", "1"),
    "lenovo-xcc2-amd": ("1", "1"),
    "dell-idrac8": ("System.Embedded.1", "iDRAC.Embedded.1"),
    "dell-idrac9": ("System.Embedded.1", "iDRAC.Embedded.1"),
    "fujitsu-irmc": ("0", "iRMC"),
    "hpe-cray-ex": ("Node0", "BMC"),
    "hpe-ilo4": ("1", "1"),
    "hpe-ilo5": ("1", "1"),
    "hpe-ilo6": ("1", "1"),
    "hpe-ilo7": ("1", "1"),
    "huawei-ibmc": ("1", "1"),
    "intel-s2600": ("BQWF00000001", "BMC"),
    "lenovo-xcc": ("1", "1"),
    "lenovo-xcc2": ("1", "1"),
    "nvidia-gb200": ("System_0", "BMC_0"),
    "openbmc": ("system", "bmc"),
    "supermicro-x10": ("1", "1"),
    "supermicro-x11": ("1", "1"),
    "supermicro-x13": ("1", "1"),
}

#: Personality -> VendorId, EffectiveFamily, EffectiveModel, IdentificationRegisters.
PROCESSORS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "dell-idrac9": ("GenuineIntel", "6", "106", "0x000606A6"),
    "hpe-ilo5": ("Intel(R) Corporation", "179", "10", "0x06a60006fbffbfeb"),
    "hpe-ilo5-amd": ("Advanced Micro Devices, Inc.", "107", "1", "0x0f1100a0fbff178b"),
    "lenovo-xcc": ("GenuineIntel", "0x06", "0x6a", "0x000606a6bfebfbff"),
    "supermicro-x13": ("GenuineIntel", "0x6", "0x8F", "0x20555043000806F8"),
    "supermicro-x10": ("GenuineIntel", "0x6", "0x56", "0xBFEBFBFF00050663"),
    "ami-gigabyte": ("AuthenticAMD", "AMD Zen Processor Family", "0x31", "178bfbff00830f10"),
    "hpe-cray-ex": ("AuthenticAMD", "0x19", "0x11", None),
    "cisco-cimc": ("Intel(R) Corporation", "6", "63", None),
    "cisco-cimc-amd": ("AMD Inc.", "19h", "1", None),
    "nvidia-gb200": (None, "0x0102", None, "0x00000002036B0241"),
}

DELL = {"On", "ForceOff", "ForceRestart", "GracefulRestart", "GracefulShutdown"}
DELL |= {"PushPowerButton", "Nmi", "PowerCycle"}
HPE = DELL - {"PowerCycle"}
AMI = {"On", "ForceOff", "GracefulShutdown", "ForceRestart"}
OPEN = {"On", "ForceOn", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart"}
OPEN |= {"Nmi", "PowerCycle"}
#: Personality -> the reset types it offers, where that is known.
RESETS = {
    "dell-idrac8": DELL,
    "dell-idrac9": DELL,
    "dell-idrac10": DELL,
    "hpe-ilo5": HPE,
    "hpe-ilo6": HPE,
    "lenovo-xcc": OPEN - {"PowerCycle"},
    "supermicro-x13": OPEN,
    "nvidia-gb200": OPEN,
    "ami-gigabyte": AMI,
    "ami-dgx": AMI,
    "hpe-cray-ex": {"On", "Off", "ForceOff"},
}


def links(value: Any) -> Iterator[str]:
    """Yield every link in a body."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("@odata.id", "Uri", "@Redfish.ActionInfo") and isinstance(inner, str):
                yield inner
            else:
                yield from links(inner)
    elif isinstance(value, list):
        for item in value:
            yield from links(item)


def test_every_platform_that_the_files_name_exists() -> None:
    """A personality is to be taken for a platform that there is."""
    known = platforms.all_platforms()
    assert {name: personalities.load(name).platform for name in NAMES}.keys() == PLACES.keys()
    for name in NAMES:
        assert personalities.load(name).platform in known, name
        assert personalities.load(name).id == name


@pytest.mark.parametrize("name", NAMES)
async def test_a_tree_is_whole_and_is_taken_for_its_platform(name: str) -> None:
    """Every link leads somewhere that says the same of itself; root and manager tell who it is."""
    personality = personalities.load(name)
    seen: dict[str, Any] = {}
    async with person(name) as bmc:
        wanted = [ROOT]
        while wanted:
            uri = wanted.pop()
            if uri in seen:
                continue
            seen[uri] = body = await bmc.get(uri)
            wanted += links(body)
            assert body.get("@odata.id", uri).rstrip("/") == uri.rstrip("/")
        assert bmc.system == f"{ROOT}/Systems/{PLACES[name][0]}"
        assert bmc.manager == f"{ROOT}/Managers/{PLACES[name][1]}"
        found = platforms.match(seen[ROOT], seen[bmc.manager])
        assert found.id == personality.platform
        assert seen[bmc.system]["Id"] == PLACES[name][0]
        assert "bareiron" not in str(seen[ROOT].get("Product"))
        if PLACES[name][0] != "1":
            assert (await bmc.ask("GET", f"{ROOT}/Systems/1")).status == 404


@pytest.mark.parametrize(("name", "told"), PROCESSORS.items())
async def test_processor_ids_in_every_known_spelling(
    name: str, told: tuple[str | None, ...]
) -> None:
    """The ten formats, each from the signature of the processor that it was seen with."""
    async with person(name) as bmc:
        processors = await bmc.get(f"{bmc.system}/Processors")
        first = await bmc.get(processors["Members"][0]["@odata.id"])
        shown = first["ProcessorId"]
        names = ("VendorId", "EffectiveFamily", "EffectiveModel", "IdentificationRegisters")
        assert tuple(shown.get(key) for key in names) == told
        if name == "hpe-cray-ex":
            assert shown["Step"] == "0x1"


@pytest.mark.parametrize(("name", "told"), RESETS.items())
async def test_reset_types_and_where_they_are_listed(name: str, told: set[str]) -> None:
    """Allowable values on the action, or in its ActionInfo; what is not listed is refused."""
    async with person(name) as bmc:
        action = (await bmc.get(bmc.system))["Actions"]["#ComputerSystem.Reset"]
        if "@Redfish.ActionInfo" in action:
            info = await bmc.get(action["@Redfish.ActionInfo"])
            listed = info["Parameters"][0]["AllowableValues"]
        else:
            listed = action["ResetType@Redfish.AllowableValues"]
        assert set(listed) == told
        assert ("@Redfish.ActionInfo" in action) is (not name.startswith(("dell", "hpe-ilo")))
        assert (await bmc.power("FullPowerCycle")).status == 400


async def test_ilo_writes_bios_uris_in_lower_case() -> None:
    """/redfish/v1/systems/1/bios/ beside /redfish/v1/Systems/1; case does not count there."""
    async with person("hpe-ilo5") as bmc:
        assert (await bmc.bios())["@odata.id"] == "/redfish/v1/systems/1/bios/"
        assert await bmc.settings() == "/redfish/v1/systems/1/bios/settings/"
        assert (await bmc.ask("GET", "/redfish/v1/Systems/1/Bios")).status == 200


async def test_what_is_no_processor_and_no_system() -> None:
    """GPUs and an Absent CPU2 among the processors; a ComputerSystem outside the collection."""
    for name, kind, state in (
        ("dell-idrac9", "GPU", "Enabled"),
        ("ami-dgx", "GPU", "Enabled"),
        ("cisco-cimc", "CPU", "Absent"),
    ):
        async with person(name) as bmc:
            members = (await bmc.get(f"{bmc.system}/Processors"))["Members"]
            bodies = [await bmc.get(member["@odata.id"]) for member in members]
            assert (kind, state) in [(b["ProcessorType"], b["Status"]["State"]) for b in bodies]
    async with person("ami-gigabyte") as bmc:
        other = await bmc.get(f"{ROOT}/Systems/Capabilities")
        assert "ComputerSystem" in other["@odata.type"]
        assert len((await bmc.get(f"{ROOT}/Systems"))["Members"]) == 1


async def test_memory_as_bmcs_misreport_it() -> None:
    """Nothing while stock OpenBMC is off; decimal megabytes on GIGABYTE; null types where empty."""
    async with person("openbmc") as bmc:
        system = await bmc.get(bmc.system)
        assert system["MemorySummary"]["TotalSystemMemoryGiB"] == 0
        assert system["ProcessorSummary"]["Count"] == 0
        await bmc.power("On")
        await bmc.stay("On")
        assert (await bmc.get(bmc.system))["MemorySummary"]["TotalSystemMemoryGiB"] == 128
    async with person("ami-gigabyte") as bmc:
        assert (await bmc.get(bmc.system))["MemorySummary"]["TotalSystemMemoryGiB"] == 61
    for name in ("hpe-ilo5", "cisco-cimc"):
        async with person(name) as bmc:
            empty = await bmc.get(f"{bmc.system}/Memory/DIMM5")
            assert empty["MemoryDeviceType"] is None
            assert empty["Status"]["State"] == "Absent"


async def test_four_nodes_on_one_bmc_live_their_own_lives() -> None:
    """Cray EX: power of one node is not that of another."""
    async with person("hpe-cray-ex") as bmc:
        members = (await bmc.get(f"{ROOT}/Systems"))["Members"]
        uris = [member["@odata.id"] for member in members]
        assert [uri.rsplit("/", 1)[-1] for uri in uris] == ["Node0", "Node1", "Node2", "Node3"]
        reset = await bmc.act(uris[2], "ComputerSystem.Reset", {"ResetType": "On"})
        assert reset.status == 204
        bmc.system = uris[2]
        await bmc.stay("On")
        states = [(await bmc.get(uri))["PowerState"] for uri in uris]
        assert states == ["Off", "Off", "On", "Off"]
        serials = {(await bmc.get(uri))["SerialNumber"] for uri in uris}
        assert len(serials) == 4
        smt = (await bmc.bios())["Attributes"]["SMT Control"]
        assert smt["current_value"] == "Enabled"


async def test_gb200_serves_two_systems_and_names_neither() -> None:
    """System_0 and HGX_Baseboard_0; the host has no manufacturer and no model."""
    async with person("nvidia-gb200") as bmc:
        members = (await bmc.get(f"{ROOT}/Systems"))["Members"]
        assert [member["@odata.id"].rsplit("/", 1)[-1] for member in members] == [
            "System_0",
            "HGX_Baseboard_0",
        ]
        system = await bmc.get(bmc.system)
        assert not {"Manufacturer", "Model"} & system.keys()
        assert "Actions" not in await bmc.get(members[1]["@odata.id"])


@pytest.mark.parametrize(
    ("name", "limit", "timeout", "status"),
    [
        ("dell-idrac9", 8, 1800, "IDRAC.2.8.RAC0218"),
        ("supermicro-x13", 16, 300, ""),
        ("lenovo-xcc", 8, 300, ""),
        ("hpe-ilo5", 8, 30, ""),
        ("ami-gigabyte", 8, 30, ""),
        ("openbmc", 8, 1800, ""),
    ],
)
async def test_session_tables(name: str, limit: int, timeout: int, status: str) -> None:
    """How many sessions there can be, how long they live unused, what a full table answers."""
    async with person(name) as bmc:
        service = await bmc.get(f"{ROOT}/SessionService")
        assert service["SessionTimeout"] == timeout
        login = {"UserName": bmc.server.user, "Password": bmc.server.password.reveal()}
        sessions = f"{ROOT}/SessionService/Sessions"
        for _ in range(limit):
            assert (await bmc.ask("POST", sessions, login, anonymous=True)).status == 201
        full = await bmc.ask("POST", sessions, login, anonymous=True)
        assert full.status == 503
        if status:
            assert full.body["error"]["code"] == status


async def test_expand_is_as_far_as_it_is_said() -> None:
    """Levels as advertised; stock OpenBMC says no to all, and means it."""
    levels = {"dell-idrac9": 1, "hpe-ilo5": 1, "lenovo-xcc": 2, "ami-gigabyte": 5}
    for name, most in (levels | {"nvidia-gb200": 6}).items():
        async with person(name) as bmc:
            features = (await bmc.get(ROOT))["ProtocolFeaturesSupported"]["ExpandQuery"]
            assert features["MaxLevels"] == most
            members = (await bmc.get(f"{bmc.system}/Memory?$expand=.($levels=1)"))["Members"]
            assert "DeviceLocator" in members[0]
    async with person("openbmc") as bmc:
        features = (await bmc.get(ROOT))["ProtocolFeaturesSupported"]["ExpandQuery"]
        assert not any(features.values())
        members = (await bmc.get(f"{bmc.system}/Memory?$expand=."))["Members"]
        assert members[0].keys() == {"@odata.id"}
