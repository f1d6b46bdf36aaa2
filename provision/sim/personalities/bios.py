"""BIOS settings as a personality has them: names, words, places, apply times and jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from provision.sim import checks
from provision.sim.bios import BY_NAME, DEPENDENCIES, locked
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem, Reply, extended
from provision.sim.personalities import bodies
from provision.sim.personalities.jobs import Jobs
from provision.sim.personalities.model import Attribute, Scalar
from provision.sim.personalities.model import Bios as Ways
from provision.sim.personalities.refusals import Refused
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import Resource, link, resource

_SETTINGS = f"{uris.BIOS}/Settings"
_RESET = "Bios.ResetBios"
_APPLY_TIME = "@Redfish.SettingsApplyTime"
_BUSY = (
    "Pending configuration values are already committed, unable to perform another set operation"
)
#: Changes under this name each time something was asked for that POST will refuse.
_REFUSED = "~refused"


def plant(bmc: Bmc, ways: Ways) -> None:
    """Plant the BIOS, its settings resource and its registry in place of the standard's."""
    here = _Bios(bmc, ways)
    bmc.tree[uris.BIOS] = Resource(body=here.show, change=None if ways.place else here.patch)
    if ways.place:
        bmc.tree[_SETTINGS] = Resource(body=here.settings, change=here.patch)
    else:
        bmc.tree.pop(_SETTINGS, None)
    bmc.tree[f"{uris.BIOS}/Actions/{_RESET}"] = Resource(post=here.reset)
    _plant_registry(bmc, ways, here)


def _plant_registry(bmc: Bmc, ways: Ways, here: _Bios) -> None:
    bodies.remove(bmc.tree, f"{uris.REGISTRIES}/{uris.BIOS_REGISTRY}")
    registry = ways.registry
    if not registry.member:
        return
    location = f"{uris.ROOT}/{registry.at}"
    entry: Json = {
        "@odata.type": "#MessageRegistryFile.v1_1_4.MessageRegistryFile",
        "Name": "BIOS Attribute Registry",
        "Languages": ["en"],
        "Registry": registry.named or registry.member,
        "Location": [{"Language": "en", "Uri": location}],
    }
    bodies.add(bmc.tree, f"{uris.REGISTRIES}/{registry.member}", entry)
    bmc.tree[location] = Resource(body=lambda: here.registry(location))


class _Bios:
    """Translates between the simulator's attributes and a vendor's."""

    def __init__(self, bmc: Bmc, ways: Ways) -> None:
        self.ways, self.bmc = ways, bmc
        self.bios = bmc.machine.bios
        self.by_name = {attribute.name: attribute for attribute in ways.attributes}
        self.staged: dict[str, str] = {}  # waits for somebody to say when
        self.refused: list[str] = []
        self.jobs = Jobs(bmc, late=ways.late_jobs) if ways.jobs else None
        self.bios.current[_REFUSED] = "0"
        for attribute in ways.attributes:
            if not attribute.is_:
                self.bios.current[f"~{attribute.name}"] = json.dumps(attribute.values[0])

    # What is shown.

    def show(self) -> Json:
        """Return the Bios resource."""
        ways, bios = self.ways, self.bios
        state = bios.current | (bios.pending if ways.shows_pending else {})
        body = resource(
            uris.BIOS,
            "Bios.v1_2_3",
            "BIOS Configuration Current Settings",
            Actions={f"#{_RESET}": {"target": f"{uris.BIOS}/Actions/{_RESET}"}},
        )
        if ways.registry.named:
            body["AttributeRegistry"] = ways.registry.named
        if ways.form != "none":
            body["Attributes"] = self._words(state)
        if ways.annotated and ways.place:
            body["@Redfish.Settings"] = self._annotation()
        return body

    def _annotation(self) -> Json:
        bios = self.bios
        found: Json = {"@odata.type": "#Settings.v1_3_5.Settings", "Messages": []}
        if self.ways.linked:
            found["SettingsObject"] = link(_SETTINGS)
        if self.ways.apply_time != "refused":
            found["SupportedApplyTimes"] = ["OnReset"]
        if bios.applied_at:
            found["Time"] = stamp(bios.applied_at)
            found["Messages"] = [extended("PropertyUnknown", name) for name in self.refused] or [
                extended("Success")
            ]
        return found

    def settings(self) -> Json:
        """Return the settings resource."""
        waiting = self.bios.pending | self.staged
        body = resource(_SETTINGS, "Bios.v1_2_3", "BIOS Configuration Pending Settings")
        if self.ways.registry.named:
            body["AttributeRegistry"] = self.ways.registry.named
        now, after = self._words(self.bios.current), self._words(self.bios.current | waiting)
        if self.ways.pending != "all":
            after = {name: word for name, word in after.items() if word != now[name]}
        if after or self.ways.pending != "changed-or-none":
            body["Attributes"] = after
        return body

    def _words(self, state: Mapping[str, str]) -> Json:
        return {each.name: self._shown(each, state) for each in self.ways.attributes}

    def _shown(self, each: Attribute, state: Mapping[str, str]) -> object:
        if each.is_:
            word: Scalar = each.words.get(state[each.is_[0]], state[each.is_[0]])
        else:
            word = json.loads(state[f"~{each.name}"])
        if self.ways.form != "described":
            return word
        return {
            "AllowableValues": list(_allowed(each)),
            "DataType": "string",
            "current_value": word,
            "default_value": _allowed(each)[0],
        }

    # What is written.

    async def patch(self, body: Json) -> Reply:
        """Take changes: at once staged for the next boot, or kept until an apply time is said."""
        ways = self.ways
        checks.writable(body, self.settings() | {"Attributes": {}}, ["Attributes"])
        if ways.apply_time == "refused" and _APPLY_TIME in body:
            raise Problem("PropertyUnknown", _APPLY_TIME)
        when = checks.inner(body, _APPLY_TIME).get("ApplyTime")
        if when not in (None, "OnReset"):
            raise Problem("PropertyValueNotInList", when, "ApplyTime")
        if self.jobs and self.jobs.busy():
            raise Refused(400, "IDRAC.2.8.SYS011", _BUSY)
        changes = self._changes(checks.inner(body, "Attributes"))
        if ways.apply_time == "required" and not when:
            self.staged |= changes
            return Reply(body=self.settings())
        self.bios.stage(self.staged | changes)
        self.staged = {}
        if not self.jobs:
            return Reply(body=self.settings() if ways.place else self.show())
        self.jobs.make()
        return Reply(status=202, headers={"Location": self.jobs.latest})

    def _changes(self, attributes: Json) -> dict[str, str]:
        """Return the changes in the simulator's own words, or refuse them."""
        changes: dict[str, str] = {}
        for name, value in attributes.items():
            each = self.by_name.get(name)
            where = (f"#/Attributes/{name}",)
            if each is None:
                raise Problem("PropertyUnknown", name, related=where)
            if each.read_only:
                raise Problem("PropertyNotWritable", name, related=where)
            changes |= self._change(each, value)
        after = self.bios.current | self.bios.pending | changes
        for name in changes:
            if name in BY_NAME and locked(name, after):
                raise Problem("PropertyNotWritable", name, related=(f"#/Attributes/{name}",))
        return changes

    def _change(self, each: Attribute, value: object) -> dict[str, str]:
        allowed = _allowed(each)
        if not any(value == one and type(value) is type(one) for one in allowed):
            message = (
                "PropertyValueNotInList"
                if type(value) is type(allowed[0])
                else "PropertyValueTypeError"
            )
            raise Problem(message, value, each.name, related=(f"#/Attributes/{each.name}",))
        if not each.registered:
            self.refused.append(each.name)
            return {_REFUSED: str(len(self.refused))}
        if not each.is_:
            return {f"~{each.name}": json.dumps(value)}
        words = {json.dumps(word): own for own, word in _pairs(each)}
        return dict.fromkeys(each.is_, words[json.dumps(value)])

    async def reset(self, body: Json) -> Reply:
        """Stage the defaults."""
        checks.parameters(_RESET, body, [])
        self.bios.reset()
        return Reply(status=204)

    # The registry.

    def registry(self, uri: str) -> Json:
        """Return the attribute registry."""
        shown = [each for each in self.ways.attributes if each.registered]
        names = {own: each for each in shown for own in each.is_[:1]}
        dependencies: list[Json] = []
        for each in DEPENDENCIES:
            source, target = names.get(each.source), names.get(each.target)
            if source and target:
                to = each.to if isinstance(each.to, bool) else target.words.get(each.to, each.to)
                value = source.words.get(each.value, each.value)
                dependencies.append(_dependency(source.name, value, target.name, each.prop, to))
        return resource(
            uri,
            "AttributeRegistry.v1_3_8",
            "BIOS Attribute Registry",
            Id=self.ways.registry.named or self.ways.registry.member,
            Language="en",
            RegistryVersion="1.0.0",
            OwningEntity="bareiron",
            RegistryEntries={
                "Attributes": [_entry(number, each) for number, each in enumerate(shown, 1)],
                "Menus": [],
                "Dependencies": dependencies,
            },
        )


def _pairs(each: Attribute) -> list[tuple[str, Scalar]]:
    """Return the simulator's own words and the vendor's, in their order."""
    own = BY_NAME[each.is_[0]].values
    return [(word, each.words.get(word, word)) for word in (*own, *sorted(each.words))]


def _allowed(each: Attribute) -> tuple[Scalar, ...]:
    return tuple(dict.fromkeys(word for _, word in _pairs(each))) if each.is_ else each.values


def _entry(number: int, each: Attribute) -> Json:
    allowed = _allowed(each)
    entry: Json = {
        "AttributeName": each.name,
        "DisplayName": each.title or each.name,
        "HelpText": each.help,
        "DefaultValue": allowed[0],
        "ReadOnly": each.read_only,
        "ResetRequired": True,
        "DisplayOrder": number,
    }
    if isinstance(allowed[0], bool):
        return entry | {"Type": "Boolean"}
    if isinstance(allowed[0], int):
        numbers = [word for word in allowed if isinstance(word, int)]
        return entry | {
            "Type": "Integer",
            "LowerBound": min(numbers),
            "UpperBound": max(numbers),
        }
    names = each.value_names or tuple(map(str, allowed))
    values = zip(names, allowed, strict=True)
    return entry | {
        "Type": "Enumeration",
        "Value": [{"ValueName": name, "ValueDisplayName": word} for name, word in values],
    }


def _dependency(source: str, value: Scalar, target: str, prop: str, to: Scalar) -> Json:
    condition = {
        "MapFromAttribute": source,
        "MapFromProperty": "CurrentValue",
        "MapFromCondition": "EQU",
        "MapFromValue": value,
    }
    return {
        "DependencyFor": target,
        "Type": "Map",
        "Dependency": {
            "MapFrom": [condition],
            "MapToAttribute": target,
            "MapToProperty": prop,
            "MapToValue": to,
        },
    }
