"""BIOS settings: what is in force, what is pending, and the registry that describes them."""

from __future__ import annotations

from provision.sim import checks
from provision.sim.bios import DEPENDENCIES, Attribute, Dependency, locked
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem, Reply, extended
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import Resource, link, resource

_SETTINGS = f"{uris.BIOS}/Settings"
_RESET = "Bios.ResetBios"
_RESET_URI = f"{uris.BIOS}/Actions/{_RESET}"
_APPLY_TIME = "@Redfish.SettingsApplyTime"


def plant(bmc: Bmc) -> None:
    """Plant the BIOS, its settings resource and its one action."""
    bmc.tree[uris.BIOS] = Resource(body=lambda: _bios(bmc))
    bmc.tree[_SETTINGS] = Resource(
        body=lambda: _settings(bmc), patch=lambda body: _patch(bmc, body)
    )
    bmc.tree[_RESET_URI] = Resource(post=lambda body: _reset(bmc, body))


def _bios(bmc: Bmc) -> Json:
    bios = bmc.machine.bios
    settings: Json = {
        "@odata.type": "#Settings.v1_3_5.Settings",
        "SettingsObject": link(_SETTINGS),
        "SupportedApplyTimes": ["OnReset"],
        "Messages": [],
    }
    if bios.applied_at:
        settings["Time"] = stamp(bios.applied_at)
        settings["Messages"] = [extended("Success")]
    return resource(
        uris.BIOS,
        "Bios.v1_2_3",
        "BIOS Configuration, in force",
        AttributeRegistry=uris.BIOS_REGISTRY,
        ResetBiosToDefaultsPending=False,
        Attributes=dict(bios.current),
        Actions={f"#{_RESET}": {"target": _RESET_URI}},
        **{"@Redfish.Settings": settings},
    )


def _settings(bmc: Bmc) -> Json:
    """The state after the next boot: every attribute, not only the changed ones."""
    bios = bmc.machine.bios
    return resource(
        _SETTINGS,
        "Bios.v1_2_3",
        "BIOS Configuration, pending",
        AttributeRegistry=uris.BIOS_REGISTRY,
        Attributes=bios.current | bios.pending,
    )


def _patch(bmc: Bmc, body: Json) -> None:
    checks.writable(body, _settings(bmc), ["Attributes"])
    apply_time = checks.inner(body, _APPLY_TIME).get("ApplyTime", "OnReset")
    if apply_time != "OnReset":
        raise Problem("PropertyValueNotInList", apply_time, "ApplyTime")
    changes = checks.inner(body, "Attributes")
    bios = bmc.machine.bios
    checked = {
        name: _checked(bios.attributes.get(name), name, value) for name, value in changes.items()
    }
    after = bios.current | bios.pending | checked
    for name in checked:
        if locked(name, after):
            raise Problem("PropertyNotWritable", name, related=(f"#/Attributes/{name}",))
    bios.stage(checked)


def _checked(attribute: Attribute | None, name: str, value: object) -> str:
    where = (f"#/Attributes/{name}",)
    if attribute is None:
        raise Problem("PropertyUnknown", name, related=where)
    if attribute.read_only:
        raise Problem("PropertyNotWritable", name, related=where)
    if not isinstance(value, str):
        raise Problem("PropertyValueTypeError", value, name, related=where)
    if value not in attribute.values:
        raise Problem("PropertyValueNotInList", value, name, related=where)
    return value


async def _reset(bmc: Bmc, body: Json) -> Reply:
    checks.parameters(_RESET, body, [])
    bmc.machine.bios.reset()
    return Reply(status=204)


def registry(bmc: Bmc, uri: str) -> Json:
    """Return the attribute registry."""
    attributes = bmc.machine.bios.attributes
    return resource(
        uri,
        "AttributeRegistry.v1_3_8",
        "BIOS Attribute Registry",
        Id=uris.BIOS_REGISTRY,
        Language="en",
        RegistryVersion="1.0.0",
        OwningEntity="bareiron",
        SupportedSystems=[{"ProductName": "bareiron simulator", "SystemId": "SIM1U"}],
        RegistryEntries={
            "Attributes": [_entry(number, a) for number, a in enumerate(attributes.values(), 1)],
            "Menus": [],
            "Dependencies": [
                _dependency(each)
                for each in DEPENDENCIES
                if {each.source, each.target} <= attributes.keys()
            ],
        },
    )


def _entry(number: int, attribute: Attribute) -> Json:
    return {
        "AttributeName": attribute.name,
        "DisplayName": attribute.title,
        "HelpText": attribute.help,
        "Type": "Enumeration",
        "Value": [{"ValueName": word, "ValueDisplayName": word} for word in attribute.values],
        "DefaultValue": attribute.default,
        "ReadOnly": attribute.read_only,
        "ResetRequired": True,
        "DisplayOrder": number,
    }


def _dependency(each: Dependency) -> Json:
    condition = {
        "MapFromAttribute": each.source,
        "MapFromProperty": "CurrentValue",
        "MapFromCondition": "EQU",
        "MapFromValue": each.value,
    }
    target = {"MapToAttribute": each.target, "MapToProperty": each.prop, "MapToValue": each.to}
    return {
        "DependencyFor": each.target,
        "Type": "Map",
        "Dependency": {"MapFrom": [condition], **target},
    }
