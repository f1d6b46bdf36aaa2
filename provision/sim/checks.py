"""Checking what a client sends against what a resource takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provision.sim.messages import Json, Problem


def writable(body: Json, current: Json, names: Iterable[str]) -> None:
    """Refuse a PATCH that is empty or touches anything but ``names``."""
    if not body:
        raise Problem("EmptyJSON")
    allowed = set(names)
    for key in body:
        if key in allowed or "@" in key:
            continue
        message = "PropertyNotWritable" if key in current else "PropertyUnknown"
        raise Problem(message, key, related=(f"#/{key}",))


def one_of(body: Json, key: str, values: Iterable[str], otherwise: str) -> str:
    """Return the word at ``key`` if it is one of ``values``; ``otherwise`` when it is not there."""
    value = body.get(key, otherwise)
    if not isinstance(value, str):
        raise Problem("PropertyValueTypeError", value, key, related=(f"#/{key}",))
    if value not in values and key in body:
        raise Problem("PropertyValueNotInList", value, key, related=(f"#/{key}",))
    return value


def boolean(body: Json, key: str, otherwise: bool) -> bool:
    """Return the boolean at ``key``."""
    value = body.get(key, otherwise)
    if not isinstance(value, bool):
        raise Problem("PropertyValueTypeError", value, key, related=(f"#/{key}",))
    return value


def text(body: Json, key: str, otherwise: str) -> str:
    """Return the string at ``key``."""
    value = body.get(key, otherwise)
    if not isinstance(value, str):
        raise Problem("PropertyValueTypeError", value, key, related=(f"#/{key}",))
    return value


def inner(body: Json, key: str) -> Json:
    """Return the object at ``key``; an empty one when it is not there."""
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise Problem("PropertyValueTypeError", value, key, related=(f"#/{key}",))
    return value


def parameters(action: str, body: Json, known: Iterable[str]) -> None:
    """Refuse an action with parameters it does not have."""
    allowed = set(known)
    for key in body:
        if key not in allowed:
            raise Problem("ActionParameterUnknown", action, key)


def parameter(action: str, body: Json, key: str, values: Iterable[str] | None = None) -> str:
    """Return the required string parameter ``key`` of an action."""
    if key not in body:
        raise Problem("ActionParameterMissing", action, key)
    value = body[key]
    if not isinstance(value, str):
        raise Problem("ActionParameterValueTypeError", value, key, action)
    if values is not None and value not in values:
        raise Problem("ActionParameterValueNotInList", value, key, action)
    return value


def allowable(values: Iterable[str], key: str) -> Mapping[str, list[str]]:
    """Return the annotation that lists what ``key`` may hold."""
    return {f"{key}@Redfish.AllowableValues": list(values)}
