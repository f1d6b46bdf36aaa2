"""``provision profile list`` and ``show``: which profiles there are, and what one asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from provision.cli.options import output_option, show
from provision.cli.profile_text import load, number, part, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwprofiles import Profile
    from hwprofiles.profile import Rule

#: As one types them -> as files spell them.
KINDS: Final = {"hypervisors": "hypervisor", "servers": "server"}


@click.command("list", short_help="List the profiles that come along.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only these.")
@output_option
def list_profiles(kind: str | None, output: str) -> None:
    """List the profiles that come with bareiron: hypervisors, and server models."""
    from hwprofiles import ProfileKind, shelf

    wanted = [KINDS[kind]] if kind else list(KINDS.values())
    data = [
        {
            "id": head.id,
            "kind": each,
            "title": head.title,
            "verified": head.verified.isoformat(),
        }
        for each in wanted
        for head in shelf.heads(ProfileKind(each))
    ]
    show(output, data, "\n\n".join(_table(each, data) for each in wanted))


def _table(kind: str, data: list[dict[str, str]]) -> str:
    rows = [row for row in data if row["kind"] == kind]
    width = max([len(row["id"]) for row in rows] + [len(kind)])
    lines = [f"{kind.upper():<{width}}  {'VERIFIED':<10}  TITLE"]
    for row in rows:
        lines += wrapped(f"{row['id']:<{width}}  {row['verified']:<10}  ", row["title"])
    return "\n".join(lines)


@click.command("show", short_help="Show what a profile asks, with remedies and sources.")
@click.argument("name", metavar="NAME|FILE")
@output_option
def show_profile(name: str, output: str) -> None:
    """Show what a profile asks, with the remedy and the source of every rule.

    NAME is one of `provision profile list`. What a rule is, it may owe to a base: the last line
    says which file it stands in.
    """
    profile = load(name)
    show(output, _as_dict(profile), "\n".join(_lines(profile)))


def _as_dict(profile: Profile) -> dict[str, Any]:
    from datetime import UTC, datetime

    today = datetime.now(UTC).date()
    layout = profile.layout
    return {
        "id": profile.id,
        "kind": str(profile.kind),
        "title": profile.title,
        "verified": profile.verified.isoformat(),
        "params": dict(profile.params),
        "files": list(profile.files),
        "aliases": list(profile.aliases),
        "match": profile.match.words() if profile.match else None,
        "slots": {cpu: list(names) for cpu, names in layout.slots.items()} if layout else None,
        "waivers": [{"rule": each.rule} | each.as_dict(today) for each in profile.waivers],
        "rules": [_rule(rule) for rule in profile.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    from hwprofiles.checks import named

    return {
        "id": rule.id,
        "title": rule.title,
        "severity": str(rule.severity),
        "when": named(rule.when) if rule.when else None,
        "asks": named(rule.check),
        "facts": list(dict.fromkeys(rule.check.facts())),
        "fix": rule.fix,
        "fix_redfish": dict(rule.fix_redfish),
        "on_unknown": str(rule.on_unknown),
        "source": str(rule.source) if rule.source else None,
        "confidence": rule.confidence,
        "origin": rule.origin,
    }


def _lines(profile: Profile) -> Iterator[str]:
    told = _as_dict(profile)
    yield from wrapped("", f"{profile.title} [{profile.id}], {profile.kind} profile")
    yield from _head("verified", told["verified"])
    yield from _head("aliases", ", ".join(profile.aliases))
    yield from _head("knows", told["match"] or "")
    for cpu, names in (told["slots"] or {}).items():
        yield from _head("slots", f"{cpu}: {' '.join(names)}")
    for key, value in profile.params.items():
        yield from wrapped(f"  {key} = ", str(value))
    for waiver in told["waivers"]:
        until = f"until {waiver['until']}" + (", which is over" if waiver["expired"] else "")
        yield from _head("waives", f"{waiver['rule']} {until}: {waiver['reason']} ({waiver['by']})")
    for rule in told["rules"]:
        yield ""
        yield from rule_lines(rule)
    yield ""
    yield f"{number(profile.rules, 'rule')}, from {number(profile.files, 'file')}"


def _head(label: str, words: str) -> list[str]:
    return wrapped(f"  {label:<10}", words) if words else []


def rule_lines(rule: dict[str, Any]) -> Iterator[str]:
    """Return a rule as ``show`` prints it."""
    yield from wrapped(f"{rule['severity'].upper():<9}", f"{rule['title']} [{rule['id']}]")
    yield from part("when", rule["when"] or "")
    yield from part("asks", rule["asks"])
    if rule["on_unknown"] != "unknown":
        yield from part("", f"not known counts as {rule['on_unknown']}")
    yield from part("fix", rule["fix"])
    yield from part("set", ", ".join(f"{k}: {v}" for k, v in rule["fix_redfish"].items()))
    yield from part("source", rule["source"] or "none")
    if rule["confidence"] == "low":
        yield from part("", "low confidence: no primary source says so")
    yield from part("from", rule["origin"])
