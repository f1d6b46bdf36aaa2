"""``provision profile diff``: what another profile asks otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from provision.cli.options import output_option, show
from provision.cli.profile_text import load, part, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwprofiles import Profile
    from hwprofiles.profile import Rule


@click.command("diff", short_help="Compare what two profiles ask.")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@output_option
def diff(one: str, other: str, output: str) -> int:
    """Show which rules B has more, fewer or otherwise than A.

    A and B are names or files. The exit status is 0 where they ask the same, else 20.
    """
    from provision.core.errors import Exit

    old, new = load(one), load(other)
    told = compare(old, new)
    show(output, told, "\n".join(_lines(old, new, told)))
    return Exit.CHANGES if any(told[part] for part in _PARTS) else Exit.OK


_PARTS: Final = ("params", "removed", "added", "changed")


def compare(old: Profile, new: Profile) -> dict[str, Any]:
    """Return what changes from one profile to the other, as ``--output json`` prints it."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    both = [(before[name], rule) for name, rule in after.items() if name in before]
    changes = {rule.id: _changes(_words(was), _words(rule)) for was, rule in both}
    return {
        "from": old.id,
        "to": new.id,
        "params": _changes(dict(old.params), dict(new.params)),
        "removed": {name: before[name].title for name in before if name not in after},
        "added": {name: rule.title for name, rule in after.items() if name not in before},
        "changed": {name: told for name, told in changes.items() if told},
    }


def _changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        key: {"from": old.get(key), "to": new.get(key)}
        for key in dict.fromkeys((*old, *new))
        if old.get(key) != new.get(key)
    }


def _words(rule: Rule) -> dict[str, Any]:
    from hwprofiles.checks import named

    settings = ", ".join(f"{word}: {state}" for word, state in rule.fix_redfish.items())
    return {
        "title": rule.title,
        "severity": str(rule.severity),
        "when": named(rule.when) if rule.when else None,
        "check": named(rule.check),
        "fix": rule.fix or None,
        "set": settings or None,
        "source": str(rule.source) if rule.source else None,
        "confidence": rule.confidence,
        "unknown": str(rule.on_unknown),
    }


def _lines(old: Profile, new: Profile, told: dict[str, Any]) -> Iterator[str]:
    yield from wrapped("", f"{old.title} [{old.id}] → {new.title} [{new.id}]")
    if not any(told[part] for part in _PARTS):
        yield "They ask the same."
    for name, change in told["params"].items():
        yield from wrapped("PARAM    ", f"{name}: {_sides(change)[0]} → {_sides(change)[1]}")
    for name, title in told["removed"].items():
        yield from wrapped("REMOVED  ", f"{title} [{name}]")
    for name, title in told["added"].items():
        yield from wrapped("ADDED    ", f"{title} [{name}]")
    titles = {rule.id: rule.title for rule in new.rules}
    for name, changes in told["changed"].items():
        yield from wrapped("CHANGED  ", f"{titles[name]} [{name}]")
        for label, change in changes.items():
            yield from _change(label, change)


def _change(label: str, change: dict[str, Any]) -> Iterator[str]:
    """Say a change in one line, or, where that is too long, each side below the other."""
    old, new = _sides(change)
    both = part(label, f"{old} → {new}")
    if len(both) == 1:
        yield from both
        return
    yield from part(label, f"- {old}")
    yield from part("", f"+ {new}")


def _sides(change: dict[str, Any]) -> list[str]:
    return ["none" if change[side] is None else str(change[side]) for side in ("from", "to")]
