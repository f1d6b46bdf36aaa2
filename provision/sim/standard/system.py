"""The computer system: identity, power, boot settings, secure boot."""

from __future__ import annotations

from functools import partial

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.boot import ENABLED, BootOption
from provision.sim.machine import Power, Reset, WrongState
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import OK, Resource, collection, link, links, resource

_RESET = "ComputerSystem.Reset"
_RESET_URI = f"{uris.SYSTEM}/Actions/{_RESET}"
_OPTIONS = f"{uris.SYSTEM}/BootOptions"
_SECURE_BOOT = f"{uris.SYSTEM}/SecureBoot"
_OVERRIDE = (
    "BootSourceOverrideTarget",
    "BootSourceOverrideEnabled",
    "BootSourceOverrideMode",
    "UefiTargetBootSourceOverride",
)


def plant(bmc: Bmc) -> None:
    """Plant the system with its boot options and its secure boot settings."""
    tree = bmc.tree
    tree[uris.SYSTEMS] = Resource(
        body=lambda: collection(uris.SYSTEMS, "ComputerSystem", "Systems", [uris.SYSTEM])
    )
    tree[uris.SYSTEM] = Resource(body=lambda: _system(bmc), patch=lambda body: _patch(bmc, body))
    tree[_RESET_URI] = Resource(post=lambda body: _reset(bmc, body))
    _plant_options(bmc)
    bmc.machine.boot.on_change = partial(_plant_options, bmc)
    tree[_SECURE_BOOT] = Resource(
        body=lambda: _secure_boot(bmc), patch=lambda body: _patch_secure_boot(bmc, body)
    )


def _plant_options(bmc: Bmc) -> None:
    """Plant the options there are now, and no others."""
    tree, options = bmc.tree, bmc.machine.boot.options
    for uri in [uri for uri in tree if uri.startswith(f"{_OPTIONS}/")]:
        del tree[uri]
    members = [f"{_OPTIONS}/{reference}" for reference in options]
    tree[_OPTIONS] = Resource(
        body=partial(collection, _OPTIONS, "BootOption", "Boot Options", members)
    )
    for option in options.values():
        tree[f"{_OPTIONS}/{option.reference}"] = Resource(body=partial(_option, option))


def _system(bmc: Bmc) -> Json:
    machine, spec = bmc.machine, bmc.spec
    on = machine.power is not Power.OFF
    return resource(
        uris.SYSTEM,
        "ComputerSystem.v1_20_1",
        spec.name,
        SystemType="Physical",
        Manufacturer=spec.vendor,
        Model=spec.model,
        SerialNumber=spec.serial,
        SKU="SIM-1U",
        PartNumber="SIM-1U-01",
        UUID=spec.uuid,
        AssetTag=machine.asset_tag,
        HostName="",
        BiosVersion="SIM 1.0.0",
        PowerState=str(machine.power),
        LocationIndicatorActive=machine.locate,
        Status={"State": "Enabled" if on else "StandbyOffline", "Health": "OK"},
        **_times(bmc),
        Boot=_boot(bmc),
        ProcessorSummary=_processors(bmc),
        MemorySummary={
            "TotalSystemMemoryGiB": _gib(spec.memory_mib),
            "MemoryMirroring": "None",
            "Status": OK,
        },
        TrustedModules=_trusted(spec.tpm),
        HostingRoles=[],
        Bios=link(uris.BIOS),
        SecureBoot=link(_SECURE_BOOT),
        **{
            name: link(f"{uris.SYSTEM}/{name}")
            for name in (
                "Processors",
                "Memory",
                "EthernetInterfaces",
                "Storage",
                "SimpleStorage",
                "VirtualMedia",
            )
        },
        Links={
            "Chassis": links([uris.CHASSIS]),
            "ManagedBy": links([uris.MANAGER]),
        },
        Actions={f"#{_RESET}": {"target": _RESET_URI, **checks.allowable(Reset, "ResetType")}},
    )


def _gib(mib: int) -> float | int:
    return mib // 1024 if mib % 1024 == 0 else mib / 1024


def _times(bmc: Bmc) -> Json:
    machine = bmc.machine
    progress: Json = {"LastState": str(machine.progress)}
    if machine.progress_at:
        progress["LastStateTime"] = stamp(machine.progress_at)
    times: Json = {"BootProgress": progress}
    if machine.last_reset:
        times["LastResetTime"] = stamp(machine.last_reset)
    return times


def _boot(bmc: Bmc) -> Json:
    boot = bmc.machine.boot
    return {
        "BootSourceOverrideTarget": boot.target,
        **checks.allowable(boot.targets, "BootSourceOverrideTarget"),
        "BootSourceOverrideEnabled": boot.enabled,
        **checks.allowable(ENABLED, "BootSourceOverrideEnabled"),
        "BootSourceOverrideMode": boot.mode,
        **checks.allowable(boot.modes, "BootSourceOverrideMode"),
        "UefiTargetBootSourceOverride": boot.uefi_target or None,
        "UefiTargetBootSourceOverride@Redfish.AllowableValues": [
            option.path for option in boot.options.values()
        ],
        "BootOrder": list(boot.order),
        "BootOptions": link(_OPTIONS),
    }


def _processors(bmc: Bmc) -> Json:
    cpu, sockets = bmc.spec.cpu, bmc.spec.sockets
    return {
        "Count": sockets,
        "Model": cpu.model,
        "CoreCount": sockets * cpu.cores,
        "LogicalProcessorCount": sockets
        * (cpu.threads if bmc.machine.bios.on("Smt") else cpu.cores),
        "ThreadingEnabled": bmc.machine.bios.on("Smt"),
        "Status": OK,
    }


def _trusted(version: str) -> list[Json]:
    if not version:
        return []
    return [
        {
            "InterfaceType": f"TPM{version.replace('.', '_')}",
            "FirmwareVersion": "7.2.3.1",
            "Status": OK,
        }
    ]


def _option(option: BootOption) -> Json:
    return resource(
        f"{_OPTIONS}/{option.reference}",
        "BootOption.v1_0_6",
        option.name,
        BootOptionReference=option.reference,
        BootOptionEnabled=True,
        DisplayName=option.name,
        Alias=option.alias or None,
        UefiDevicePath=option.path,
    )


async def _reset(bmc: Bmc, body: Json) -> Reply:
    checks.parameters(_RESET, body, ["ResetType"])
    kind = checks.parameter(_RESET, body, "ResetType", [str(kind) for kind in Reset])
    try:
        bmc.machine.reset(Reset(kind))
    except WrongState as error:
        raise Problem("ActionParameterValueConflict", "ResetType", kind) from error
    return Reply(status=204)


def _patch(bmc: Bmc, body: Json) -> None:
    machine = bmc.machine
    checks.writable(body, _system(bmc), ["Boot", "AssetTag", "LocationIndicatorActive"])
    tag = checks.text(body, "AssetTag", machine.asset_tag)
    locate = checks.boolean(body, "LocationIndicatorActive", machine.locate)
    if "Boot" in body:
        _patch_boot(bmc, checks.inner(body, "Boot"))
    machine.asset_tag, machine.locate = tag, locate


def _patch_boot(bmc: Bmc, body: Json) -> None:
    boot = bmc.machine.boot
    checks.writable(body, _boot(bmc), [*_OVERRIDE, "BootOrder"])
    order = _order(body, boot.order)
    target = checks.one_of(body, "BootSourceOverrideTarget", boot.targets, boot.target)
    enabled = checks.one_of(body, "BootSourceOverrideEnabled", ENABLED, boot.enabled)
    mode = checks.one_of(body, "BootSourceOverrideMode", boot.modes, boot.mode)
    paths = [option.path for option in boot.options.values()]
    uefi = checks.one_of(body, "UefiTargetBootSourceOverride", paths, boot.uefi_target)
    if target == "UefiTarget":
        if enabled == "Continuous":  # the schema forbids it: the boot order is for that
            raise Problem(
                "PropertyValueConflict", "BootSourceOverrideEnabled", "BootSourceOverrideTarget"
            )
        if not uefi:
            raise Problem("PropertyMissing", "UefiTargetBootSourceOverride")
    boot.order, boot.mode, boot.uefi_target = order, mode, uefi
    boot.target, boot.enabled = target, enabled
    if enabled == "Disabled":
        boot.clear()


def _order(body: Json, current: list[str]) -> list[str]:
    """Return the boot order asked for: every option once, in any order."""
    if "BootOrder" not in body:
        return list(current)
    order = body["BootOrder"]
    if not isinstance(order, list):
        raise Problem("PropertyValueTypeError", order, "BootOrder")
    if sorted(map(str, order)) != sorted(current):
        raise Problem("PropertyValueNotInList", order, "BootOrder", related=("#/Boot/BootOrder",))
    return [str(reference) for reference in order]


def _secure_boot(bmc: Bmc) -> Json:
    machine = bmc.machine
    return resource(
        _SECURE_BOOT,
        "SecureBoot.v1_1_2",
        "UEFI Secure Boot",
        SecureBootCurrentBoot="Enabled" if machine.secure_boot else "Disabled",
        SecureBootEnable=machine.secure_boot_pending,
        SecureBootMode="UserMode",
    )


def _patch_secure_boot(bmc: Bmc, body: Json) -> None:
    machine = bmc.machine
    checks.writable(body, _secure_boot(bmc), ["SecureBootEnable"])
    machine.secure_boot_pending = checks.boolean(
        body, "SecureBootEnable", machine.secure_boot_pending
    )
