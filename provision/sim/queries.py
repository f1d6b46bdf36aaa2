"""Query parameters: ``$expand`` of one level, and the refusal of what is not supported."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provision.sim.messages import Json, Problem
from provision.sim.tree import Tree, etag

#: What ``$expand`` may say: links outside Links, all links, links inside Links.
_EXPANDS = (".", "*", "~")


def expand(
    tree: Tree, body: Json, query: Mapping[str, str], tag: Callable[[Json], str] = etag
) -> Json:
    """Return ``body`` with the links inlined that the query asks for, each with its tag."""
    for name in query:
        if name.startswith("$") and name != "$expand":
            raise Problem("QueryNotSupported")
    if "only" in query or "excerpt" in query:
        raise Problem("QueryNotSupported")
    if "$expand" not in query:
        return body
    how, _, options = query["$expand"].partition("(")
    if how not in _EXPANDS or options not in ("", "$levels=1)"):
        raise Problem("QueryNotSupported")
    inline = {
        key: _inline(tree, value, tag)
        for key, value in body.items()
        if (key == "Links" and how != ".") or (key != "Links" and how != "~")
    }
    return body | inline


def _inline(tree: Tree, value: object, tag: Callable[[Json], str]) -> object:
    if isinstance(value, list):
        return [_inline(tree, item, tag) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"@odata.id"}:
        return {key: _inline(tree, inner, tag) for key, inner in value.items()}
    found = tree.get(str(value["@odata.id"]).rstrip("/"))
    if found is None or found.body is None:
        return value
    body = found.body()
    return {**body, "@odata.etag": tag(body)} if tag(body) else body
