"""The parts of a server as rows: what is told of each, and what is not believed."""

from __future__ import annotations

import pytest

from hwprofiles.platforms import Setting
from provision.bmc.inventory import Parts, learn
from tests.bmc.bodies import CPU, DIMM, EMPTY, part, told


def test_rows_of_modules() -> None:
    """A row for each slot, empty ones too, in the order of their names; what is not told is out."""
    full = DIMM | {
        "DeviceLocator": "DIMM 10",
        "RankCount": 2,
        "OperatingSpeedMhz": 3200,
        "MemoryDeviceType": "DDR4_SDRAM",
        "PartNumber": "P1  ",
        "Manufacturer": "Maker",
        "SerialNumber": "00000000",
    }
    bare = DIMM | {"MemoryLocation": {"Socket": 0, "Slot": 3}, "MemoryDeviceType": "Other"}
    empty = EMPTY | {"Location": {"PartLocation": {"ServiceLabel": "DIMM 9"}}}
    assert told({}, memory=part(full, bare, empty))["memory.dimms"] == (
        {"slot": "CPU 0 DIMM 3", "size": 32 << 30},
        {"slot": "DIMM 9", "size": 0},
        {
            "slot": "DIMM 10",
            "size": 32 << 30,
            "rank": 2,
            "speed": 3200,
            "type": "DDR4",
            "maker": "Maker",
            "part": "P1",
        },
    )


def test_memory_that_is_no_memory() -> None:
    """Storage in a memory slot does not count; a part of a list gives no rows."""
    optane = DIMM | {"VolatileSizeMiB": 0, "NonVolatileSizeMiB": 131072}
    facts = told({}, memory=part(DIMM, optane))
    assert facts["memory.total"] == 32 << 30
    assert len(facts["memory.dimms"]) == 1  # type: ignore[arg-type]
    assert "memory.dimms" not in told({}, memory=part(DIMM, complete=False))


def test_a_decimal_mix_up_is_undone() -> None:
    """15625 MiB is no module, 16384 is; what is neither stays as it is told."""
    mixed = DIMM | {"CapacityMiB": 15625}
    low = {"MemorySummary": {"TotalSystemMemoryGiB": 244}}
    assert told(low, memory=part(*[mixed] * 16))["memory.total"] == 256 << 30
    odd = DIMM | {"CapacityMiB": 15626}
    assert told({}, memory=part(odd))["memory.total"] == 15626 << 20


@pytest.mark.parametrize("ranks", [(1, 2), (1, 3), (32, 32)])
def test_ranks_that_make_no_sense(ranks: tuple[int, int]) -> None:
    """One part number with several ranks, or a number no module has: none is told."""
    dimms = [DIMM | {"PartNumber": "P1", "RankCount": rank} for rank in ranks]
    rows = told({}, memory=part(*dimms))["memory.dimms"]
    assert all("rank" not in row for row in rows)  # type: ignore[attr-defined]


def test_rows_of_processors_and_gpus() -> None:
    """Sockets with what they hold; GPUs apart, by the name that is one."""
    cpu = CPU | {"Socket": "CPU2", "TotalThreads": 24}
    cpu["ProcessorId"] = CPU["ProcessorId"] | {"MicrocodeInfo": "0x0D00037B"}
    gone = {"Socket": "CPU1", "ProcessorType": "CPU", "Status": {"State": "Absent"}}
    card = {"ProcessorType": "GPU", "Model": "900-21010", "Name": "NVIDIA H100 NVL"}
    facts = told({}, processors=part(cpu, gone, card | {"Manufacturer": "NVIDIA Corporation"}))
    assert facts["cpu.packages"] == (
        {"socket": "CPU1", "populated": False},
        {
            "socket": "CPU2",
            "populated": True,
            "name": "Intel(R) Xeon(R) Silver 4310",
            "cores": 12,
            "threads": 24,
            "signature": "000606A6",
            "microcode": "0xd00037b",
        },
    )
    assert facts["cpu.microcode"] == "0xd00037b"
    assert facts["cpu.threads"] == 24
    assert facts["gpus.cards"] == ({"name": "NVIDIA H100 NVL", "vendor": "NVIDIA Corporation"},)
    assert facts["gpus.count"] == 1


def test_rows_of_ports_and_disks() -> None:
    """The host's line to its BMC is no port; bus, medium and life only where they are told."""
    port = {"Id": "1", "Name": "Lan1", "MACAddress": "02-00-00-00-00-0A", "SpeedMbps": 1000}
    line = {"Id": "ToManager", "MACAddress": "02:00:00:00:00:0B", "SpeedMbps": 100}
    drive = {
        "@odata.id": "/d",
        "Name": "Disk 1",
        "Model": "Dell NVMe PE8010",
        "CapacityBytes": 960197124096,
        "Protocol": "PCIe",
        "MediaType": "SSD",
        "PredictedMediaLifeLeftPercent": 99.5,
    }
    card = {"@odata.id": "/e", "Name": "Disk 2", "Protocol": "PCIe", "MediaType": "Other"}
    bay = {"@odata.id": "/f", "Status": {"State": "Absent"}}
    facts = told({}, ports=part(port, line), drives=part(drive, card, bay))
    assert facts["nics.ports"] == ({"name": "Lan1", "mac": "02:00:00:00:00:0a", "speed": 10**9},)
    assert (facts["nics.count"], facts["nics.fastest"]) == (1, 10**9)
    assert facts["storage.drives"] == (
        {
            "name": "Disk 1",
            "model": "Dell NVMe PE8010",
            "size": 960197124096,
            "bus": "nvme",
            "media": "ssd",
            "life_left": 99,
        },
        {"name": "Disk 2"},
    )
    assert (facts["storage.count"], facts["storage.largest"]) == (2, 960197124096)


def test_a_setting_without_a_switch_is_not_controllable() -> None:
    """The reason stands where the fact was read."""
    bios = part({"@odata.id": "/bios", "Attributes": {"ProcAmdIoVt": "Enabled"}})
    facts = learn({}, Parts(bios=bios, fixed={"virtualization": "no switch"}))
    assert facts["cpu.virt.state"].value == "not-controllable"
    assert facts["cpu.virt.state"].path == "/bios#/Attributes (no switch)"


def test_secure_boot_by_its_setting() -> None:
    """Off is off; on still wants keys, which a setting does not tell."""
    for state, expected in (("disabled", "disabled"), ("enabled", None), ("unknown", None)):
        switch = Setting(attribute="SB", current="x", state=state, enabled="x", disabled="y")  # type: ignore[arg-type]
        facts = learn({}, Parts(bios=part({"@odata.id": "/b"}), settings={"secure-boot": switch}))
        assert (facts["firmware.secure_boot"].value if facts else None) == expected


@pytest.mark.parametrize("serial", ["0000000000", "123456789", "0123456789ABCDEF", "....", "xxxx"])
def test_serials_that_are_none(serial: str) -> None:
    """What many machines share identifies none of them."""
    uuid = "03000200-0400-0500-0006-000700080009"
    assert told({"SerialNumber": serial, "UUID": uuid}) == {}
    assert told({"UUID": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"}) == {}


def test_a_serial_in_another_place() -> None:
    """Dell's machine is known by its service tag; its board's number serves where there is none."""
    names = ("SKU", "SerialNumber")
    system = {"SKU": "K940HR4", "SerialNumber": "CN7016"}
    assert learn(system, Parts(serial_names=names))["system.serial"].value == "K940HR4"
    board = learn(system | {"SKU": ""}, Parts(serial_names=names))["system.serial"]
    assert (board.value, board.path) == ("CN7016", "#/SerialNumber")
