"""Bodies of resources as a BMC may serve them, and the facts in them."""

from __future__ import annotations

import copy
from typing import Any

from hwprofiles.platforms import Setting
from provision.bmc.hardware import Part
from provision.bmc.inventory import Parts, learn

SYSTEM_BODY: dict[str, Any] = {
    "Manufacturer": "Maker",
    "Model": "Box",
    "SerialNumber": "S1",
    "UUID": "A-B",
    "BiosVersion": "1.2",
    "PowerState": "On",
    "MemorySummary": {"TotalSystemMemoryGiB": 64},
    "ProcessorSummary": {"Count": 2, "Model": "Xeon", "CoreCount": 24},
    "TrustedModules": [{"InterfaceType": "TPM2_0", "Status": {"State": "Enabled"}}],
    "Boot": {
        "BootSourceOverrideEnabled": "Once",
        "BootSourceOverrideMode": "UEFI",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Usb"],
    },
}
CPU: dict[str, Any] = {
    "@odata.id": "/c/1",
    "ProcessorType": "CPU",
    "Model": "Intel(R) Xeon(R) Silver 4310",
    "TotalCores": 12,
    "Status": {"State": "Enabled"},
    "ProcessorId": {"VendorId": "GenuineIntel", "IdentificationRegisters": "0x000606A6"},
}
DIMM: dict[str, Any] = {
    "@odata.id": "/m/1",
    "CapacityMiB": 32768,
    "ErrorCorrection": "MultiBitECC",
    "Status": {"State": "Enabled"},
}
EMPTY: dict[str, Any] = {"@odata.id": "/m/2", "CapacityMiB": None, "Status": {"State": "Absent"}}


def part(*bodies: dict[str, Any], complete: bool = True) -> Part:
    """A collection with these members."""
    return Part(path="/x", bodies=bodies, complete=complete)


def whole() -> tuple[dict[str, Any], Parts]:
    """A server that tells everything."""
    switch = Setting(
        attribute="VT", current="Enabled", state="enabled", enabled="Enabled", disabled="Disabled"
    )
    return copy.deepcopy(SYSTEM_BODY), Parts(
        processors=part(copy.deepcopy(CPU), copy.deepcopy(CPU)),
        memory=part(copy.deepcopy(DIMM), copy.deepcopy(DIMM), copy.deepcopy(EMPTY)),
        ports=part({"@odata.id": "/n", "SpeedMbps": 25000}),
        drives=part({"@odata.id": "/d", "CapacityBytes": 480 * 10**9}),
        simple_storage=part({"@odata.id": "/s", "Devices": [{"CapacityBytes": 10**9}]}),
        secure_boot=part({"@odata.id": "/b", "SecureBootCurrentBoot": "Disabled"}),
        bios=part({"@odata.id": "/bios", "Attributes": {"VT": "Enabled", "BootMode": "Uefi"}}),
        settings={"virtualization": switch},
    )


def told(system: dict[str, Any], **parts: Part) -> dict[str, object]:
    """The values of the facts in these bodies."""
    facts = learn(system, Parts(**parts))  # type: ignore[arg-type]
    return {name: fact.value for name, fact in facts.items()}
