"""Changes of bodies: what a personality says differently, adds and leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from provision.sim.bmc import Bmc
from provision.sim.machine import Power
from provision.sim.messages import Json
from provision.sim.personalities.model import Change, Personality
from provision.sim.standard.uris import ROOT
from provision.sim.tree import Resource, Tree

_NULL = "(null)"


def merged(body: Json, change: Change) -> Json:
    """Return ``body`` with a JSON merge patch applied: null removes, "(null)" is null."""
    result = dict(body)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = _plain(value)
    return result


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [merged({}, item) if isinstance(item, dict) else _plain(item) for item in value]
    return None if value == _NULL else value


def filled(value: object, words: dict[str, str]) -> object:
    """Return a JSON value with ``{serial}`` and the like filled in."""
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{name}}}", word)
    return value


def plant(bmc: Bmc, personality: Personality) -> None:
    """Take away, add and change what the personality says."""
    tree = bmc.tree
    for gone in personality.removes:
        remove(tree, f"{ROOT}/{gone}")
    spec = bmc.spec
    words = {"serial": spec.serial, "model": spec.model, "uuid": spec.uuid, "name": spec.name}
    for uri, added in personality.adds.items():
        add(tree, f"{ROOT}/{uri}", added and filled(added, words))
    for uri, found in list(tree.items()):
        name = uri.removeprefix(ROOT).lstrip("/")
        always = [change for pattern, change in personality.bodies.items() if _fits(name, pattern)]
        off = [change for pattern, change in personality.while_off.items() if _fits(name, pattern)]
        if found.body and (always or off) and uri.startswith(ROOT):
            changes = [filled(change, words) for change in always]
            tree[uri] = replace(found, body=_changed(bmc, found.body, changes, off))


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def _changed(
    bmc: Bmc, show: Callable[[], Json], always: Sequence[object], off: Sequence[object]
) -> Callable[[], Json]:
    def changed() -> Json:
        body = show()
        more = off if bmc.machine.power is Power.OFF else ()
        for change in (*always, *more):
            if isinstance(change, dict):
                body = merged(body, change)
        return body

    return changed


def add(tree: Tree, uri: str, body: object) -> None:
    """Plant a resource, or only the link to it, and list it where it belongs."""
    if isinstance(body, dict):
        shown = merged({"@odata.id": uri, "Id": uri.rsplit("/", 1)[-1]}, body)
        listed = not shown.pop("(unlisted)", False)
        tree[uri] = Resource(body=lambda: shown)
        if not listed:
            return
    parent = uri.rsplit("/", 1)[0]
    holder = tree.get(parent)
    if holder and holder.body and "Members" in holder.body():
        tree[parent] = replace(holder, body=_listing(holder.body, uri))


def _listing(show: Callable[[], Json], uri: str) -> Callable[[], Json]:
    def listing() -> Json:
        body = show()
        members = body["Members"]
        if not isinstance(members, list):
            return body
        members = [*members, {"@odata.id": uri}]
        return body | {"Members": members, "Members@odata.count": len(members)}

    return listing


def remove(tree: Tree, uri: str) -> None:
    """Take a resource, everything below it and every link to it away."""
    for below in [one for one in tree if one == uri or one.startswith(f"{uri}/")]:
        del tree[below]
    for other, found in list(tree.items()):
        if found.body:
            tree[other] = replace(found, body=_without(found.body, uri))


def _without(show: Callable[[], Json], gone: str) -> Callable[[], Json]:
    def without() -> Json:
        body = show()
        left = {key: value for key, value in body.items() if value != {"@odata.id": gone}}
        members = left.get("Members")
        if isinstance(members, list) and {"@odata.id": gone} in members:
            kept = [member for member in members if member != {"@odata.id": gone}]
            left |= {"Members": kept, "Members@odata.count": len(kept)}
        return left

    return without
