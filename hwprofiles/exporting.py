"""The JSON Schema of profile files, from their models and the catalogue of facts.

An editor completes and checks a profile by it as it is typed. What only the loader can tell (an
unknown base, a parameter that is not there, a pattern that can run away) it leaves to the loader:
what the loader takes, the schema takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hwprofiles.compiling import ALLOWED, DIMENSIONS, GROUPS, LISTS
from hwprofiles.facts import CATALOGUE, Kind, Meaning
from hwprofiles.population import DIMMS
from hwprofiles.rows import COUNTS
from hwprofiles.schema import ProfileFile
from hwprofiles.units import UNITS, Dimension, example

Schema = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
#: A parameter, or a text with parameters: what it becomes is the loader's matter.
_PARAM: Final[Schema] = {"type": "string", "pattern": r"\$\{[^}]*\}"}
_TEXT: Final[Schema] = {"type": "string"}

#: What an editor says about the keys.
_KEYS: Final = {
    "ProfileFile": {
        "schema": "Always bareiron.profile/1.",
        "kind": "Who asks: a hypervisor, a server model of itself, or a site of both.",
        "id": "The name of the profile; of a shipped one that of its file.",
        "title": "What people call it.",
        "verified": "When somebody last compared it with its sources.",
        "abstract": "True where it is only there to be extended.",
        "extends": "Bases: a file beside this one, a path, or a shipped profile.",
        "aliases": "Other names of the server model.",
        "match": "What a machine of this model says of itself; asked like a check.",
        "population": "The memory slots, and how they are filled.",
        "sources": "Who says so; rules name them by key.",
        "params": "Values that stand for ${name} in titles, remedies and checks.",
        "rules": "What is asked. One with the id of a base's rule takes its place.",
        "waivers": "Rules that may be missed for a while.",
    },
    "RuleFile": {
        "id": "One word with dots; that of a base's rule replaces it.",
        "enabled": "False removes the rule of a base; it needs nothing but the id.",
        "title": "What is so when the rule is met.",
        "severity": "What a miss is: error fails, warning warns, info remarks.",
        "when": "Facts that make the rule apply; otherwise it is skipped.",
        "check": "The facts, and what is asked of them: all entries have to hold.",
        "fix": "What to do with one's hands.",
        "fix_redfish": "The settings that mend it, by the words every BMC's data knows.",
        "source": "A key of sources.",
        "confidence": "low: no primary source says so.",
        "on_unknown": "What becomes of the rule when its facts are not known.",
    },
    "WaiverFile": {
        "rule": "The id of the rule.",
        "reason": "Why it may be missed.",
        "by": "Who says so.",
        "until": "The last day it counts.",
        "when": "Facts of the machines it speaks of; all of them without it.",
    },
    "PopulationFile": {
        "slots": "By CPU, the names of its slots as the board prints them, in order.",
        "fill": "Positions (from 1) in groups that are full or empty, in filling order.",
        "same": "What is alike within a group.",
        "balanced": "Whether every CPU has the same positions filled.",
    },
    "Reference": {
        "title": "What it is called.",
        "url": "The page.",
        "ref": "Where in a document without an address.",
    },
}
_RULE_NEEDS: Final = ("title", "severity", "check")


def json_schema() -> Schema:
    """Return the schema of profile files in JSON Schema, draft 2020-12."""
    schema = ProfileFile.model_json_schema(by_alias=True)
    models = schema["$defs"]
    models["ProfileFile"] = schema
    for model, keys in _KEYS.items():
        for key, words in keys.items():
            models[model]["properties"][key]["description"] = words
    del models["ProfileFile"]
    _ask(schema["properties"], "match")
    _ask(models["RuleFile"]["properties"], "when", "check")
    _ask(models["WaiverFile"]["properties"], "when")
    models["RuleFile"] |= {
        "if": {"properties": {"enabled": {"const": False}}, "required": ["enabled"]},
        "else": {"required": list(_RULE_NEEDS)},
    }
    models["Reference"]["anyOf"] = [{"required": ["url"]}, {"required": ["ref"]}]
    return {
        "$schema": DRAFT,
        **schema,
        "title": "A hardware profile of bareiron",
        "allOf": [_of_servers(), _of_others()],
        "$defs": models | _checks(),
    }


def _ask(properties: Schema, *keys: str) -> None:
    for key in keys:
        words = properties[key]["description"]
        properties[key] = {"$ref": "#/$defs/check", "description": words}


def _of_servers() -> Schema:
    concrete = {"properties": {"kind": {"const": "server"}, "abstract": {"const": False}}}
    return {"if": concrete, "then": {"required": ["match"]}}


def _of_others() -> Schema:
    only = {key: False for key in ("match", "aliases", "population")}
    return {"if": {"properties": {"kind": {"const": "server"}}}, "else": {"properties": only}}


def _checks() -> Schema:
    """Return the definitions of a check, of what is asked of each kind of fact and each table."""
    found = {"check": _check(CATALOGUE, "check")}
    for kind in (kind for kind in Kind if kind is not Kind.TABLE):
        found[f"one {kind}"] = _operand(kind)
        found[kind.value] = _scalar(kind, _ref(f"one {kind}"))
    for name, meaning in CATALOGUE.items():
        if meaning.kind is Kind.TABLE:
            found[f"rows of {name}"] = _check(meaning.columns, f"rows of {name}")
    return found


def _ref(definition: str) -> Schema:
    return {"$ref": f"#/$defs/{definition}"}


def _check(names: Mapping[str, Meaning], definition: str) -> Schema:
    again = _ref(definition)
    grouped: dict[str, Schema] = {
        how: {"type": "array", "items": again, "minItems": 1, "description": words}
        for how, words in zip(GROUPS, _GROUP_WORDS, strict=True)
    }
    asked = {
        name: _fact(name, meaning) | {"description": meaning.text}
        for name, meaning in names.items()
    }
    return _object({**grouped, "not": again | {"description": "The opposite."}, **asked})


_GROUP_WORDS: Final = ("All of these hold.", "At least one holds.", "None of these holds.")


def _object(properties: Mapping[str, Any]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        "minProperties": 1,
    }


def _fact(name: str, meaning: Meaning) -> Schema:
    if meaning.kind is Kind.TABLE:
        return _table(name)
    if meaning.words:
        return _scalar(meaning.kind, _or_param({"enum": list(meaning.words)}))
    return _ref(meaning.kind)


def _scalar(kind: Kind, one: Schema) -> Schema:
    """Return what can be asked of a fact: one value, or operators with values."""
    operators = {op: _asked(op, one) for op in ALLOWED[kind]}
    if kind in (Kind.INTEGER, *DIMENSIONS):
        operators["tolerance"] = _ref(f"one {Kind.PERCENT}")
    return {"anyOf": [one, _object(operators)]}


def _asked(op: str, one: Schema) -> Schema:
    if op in LISTS:
        return {"type": "array", "items": one, "minItems": 1}
    return _TEXT if op == "matches" else one


def _operand(kind: Kind) -> Schema:
    """Return what one value of that kind looks like; a parameter can stand for each."""
    if kind in DIMENSIONS:
        return _quantity(DIMENSIONS[kind])
    if kind is Kind.BOOL:
        return _or_param({"type": "boolean"})
    return _or_param({"type": "integer"}) if kind is Kind.INTEGER else _TEXT


def _or_param(schema: Schema) -> Schema:
    return {"anyOf": [schema, _PARAM]}


def _quantity(dimension: Dimension) -> Schema:
    units = [unit for unit, (measures, _) in UNITS.items() if measures is dimension]
    number = r"^\s*[0-9]{1,18}(\.[0-9]{1,12})?\s*"
    pattern = f"{number}({'|'.join(units)})\\s*$"
    return _or_param({"type": "string", "pattern": pattern, "examples": [example(dimension)]})


def _table(name: str) -> Schema:
    where = _ref(f"rows of {name}")
    whole = _ref(f"one {Kind.INTEGER}")
    counted = {"where": where, **{op: whole for op in COUNTS}}
    numbers = _object(counted) | {"anyOf": [{"required": [op]} for op in COUNTS]}
    asked: Schema = {how: where for how in GROUPS}
    asked["count"] = {"anyOf": [whole, numbers], "description": "How many rows."}
    if name == DIMMS:
        words = "The modules stand as the profile's own population block says."
        asked["population"] = {"const": True, "description": words}
    return _object(asked)
