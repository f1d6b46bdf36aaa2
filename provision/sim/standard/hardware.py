"""Processors, memory modules, network ports and disks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from provision.sim.bmc import Bmc
from provision.sim.messages import Json
from provision.sim.spec import Nic
from provision.sim.standard import uris
from provision.sim.tree import ABSENT, OK, Resource, collection, link, links, resource


def plant(bmc: Bmc) -> None:
    """Plant the parts of the system."""
    spec = bmc.spec
    _group(bmc, "Processors/CPU", "Processor", spec.sockets, _processor)
    _group(bmc, "Memory/DIMM", "Memory", len(spec.memory), _memory)
    _group(bmc, "EthernetInterfaces/NIC", "EthernetInterface", len(spec.nics), _nic)
    _group(bmc, "SimpleStorage/", "SimpleStorage", 1, _simple_storage)
    _group(bmc, "Storage/", "Storage", 2, _storage)
    for number in (1, 2):
        uri = f"{uris.SYSTEM}/Storage/{number}/Drives/1"
        bmc.tree[uri] = Resource(body=partial(_drive, bmc, uri, number))


def _group(
    bmc: Bmc, pattern: str, schema: str, count: int, show: Callable[[Bmc, str, int], Json]
) -> None:
    """Plant a collection of ``count`` members: ``Memory/DIMM`` holds DIMM1, DIMM2 …"""
    name = pattern.split("/", maxsplit=1)[0]
    uri = f"{uris.SYSTEM}/{name}"
    numbers = range(1, count + 1)
    members = [f"{uris.SYSTEM}/{pattern}{number}" for number in numbers]
    bmc.tree[uri] = Resource(body=partial(collection, uri, schema, name, members))
    for member, number in zip(members, numbers, strict=True):
        bmc.tree[member] = Resource(body=partial(show, bmc, member, number))


def _processor(bmc: Bmc, uri: str, number: int) -> Json:
    cpu = bmc.spec.cpu
    intel = cpu.vendor == "GenuineIntel"
    return resource(
        uri,
        "Processor.v1_20_0",
        f"Processor {number}",
        Socket=f"CPU {number}",
        ProcessorType="CPU",
        ProcessorArchitecture="x86",
        InstructionSet="x86-64",
        Manufacturer="Intel(R) Corporation" if intel else "Advanced Micro Devices, Inc.",
        Model=cpu.model,
        MaxSpeedMHz=cpu.mhz,
        TotalCores=cpu.cores,
        TotalEnabledCores=cpu.cores,
        TotalThreads=cpu.threads,
        ProcessorId={
            "VendorId": cpu.vendor,
            "IdentificationRegisters": f"0x{cpu.signature:08X}",
            "EffectiveFamily": f"0x{cpu.family:02X}",
            "EffectiveModel": f"0x{cpu.model_number:02X}",
            "Step": f"0x{cpu.stepping:X}",
            "MicrocodeInfo": "0xD0003A5" if intel else "0xA0011D1",
        },
        Status=OK,
    )


def _memory(bmc: Bmc, uri: str, number: int) -> Json:
    mib = bmc.spec.memory[number - 1]
    name, locator = f"Memory Slot {number}", f"DIMM {number}"
    if not mib:
        return resource(uri, "Memory.v1_20_0", name, DeviceLocator=locator, Status=ABSENT)
    return resource(
        uri,
        "Memory.v1_20_0",
        name,
        DeviceLocator=locator,
        MemoryType="DRAM",
        MemoryDeviceType="DDR4",
        BaseModuleType="RDIMM",
        CapacityMiB=mib,
        DataWidthBits=64,
        BusWidthBits=72,
        ErrorCorrection="MultiBitECC",
        OperatingSpeedMhz=3200,
        RankCount=2,
        Manufacturer="bareiron",
        SerialNumber=f"{bmc.spec.serial}D{number}",
        PartNumber=f"SIM-DDR4-{mib}",
        Status=OK,
    )


def _nic(bmc: Bmc, uri: str, number: int) -> Json:
    nic: Nic = bmc.spec.nics[number - 1]
    return resource(
        uri,
        "EthernetInterface.v1_12_2",
        f"Network Port {number}",
        MACAddress=nic.mac,
        PermanentMACAddress=nic.mac,
        SpeedMbps=nic.mbps,
        FullDuplex=True,
        LinkStatus="LinkUp",
        Status=OK,
    )


def _simple_storage(bmc: Bmc, uri: str, _number: int) -> Json:
    spec = bmc.spec
    devices: list[Json] = [
        {
            "Name": "Internal Disk",
            "Manufacturer": "bareiron",
            "Model": "Simulated SSD",
            "CapacityBytes": spec.disk_bytes,
            "Status": OK,
        },
        {
            "Name": "Internal USB Stick",
            "Manufacturer": "bareiron",
            "Model": "Simulated Stick",
            "CapacityBytes": spec.stick_bytes,
            "Status": OK,
        },
    ]
    return resource(uri, "SimpleStorage.v1_3_2", "Internal Storage", Devices=devices, Status=OK)


def _storage(bmc: Bmc, uri: str, number: int) -> Json:
    return resource(
        uri,
        "Storage.v1_17_1",
        "SATA Controller" if number == 1 else "Internal USB",
        Drives=links([f"{uri}/Drives/1"]),
        **{"Drives@odata.count": 1},
        Status=OK,
    )


def _drive(bmc: Bmc, uri: str, number: int) -> Json:
    disk = number == 1
    return resource(
        uri,
        "Drive.v1_20_1",
        "Internal Disk" if disk else "Internal USB Stick",
        MediaType="SSD",
        Protocol="SATA" if disk else "USB",
        Manufacturer="bareiron",
        Model="Simulated SSD" if disk else "Simulated Stick",
        SerialNumber=f"{bmc.spec.serial}{'S' if disk else 'U'}1",
        CapacityBytes=bmc.spec.disk_bytes if disk else bmc.spec.stick_bytes,
        BlockSizeBytes=512,
        Status=OK,
        Links={"Chassis": link(uris.CHASSIS)},
    )
