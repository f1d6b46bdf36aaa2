"""``provision profile``: list, show and check hardware profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import output_option, show
from provision.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from hwprofiles import Profile
    from hwprofiles.profile import Rule

_STALE_DAYS = 365


@click.group("profile", short_help="List, show and check hardware profiles.")
def command() -> None:
    """List, show and check hardware profiles.

    \b
    provision profile list
    provision profile show xen-4.17
    provision profile lint ours.yaml
    """


@command.command("list")
@output_option
def list_profiles(output: str) -> None:
    """List the profiles that come with bareiron."""
    import hwprofiles

    profiles = [hwprofiles.load(name) for name in hwprofiles.names()]
    data = [
        {
            "id": profile.id,
            "title": profile.title,
            "verified": profile.verified.isoformat(),
            "rules": len(profile.rules),
        }
        for profile in profiles
    ]
    lines = [f"{'PROFILE':<14}{'RULES':>5}  {'VERIFIED':<12}TITLE"]
    lines += [
        f"{row['id']:<14}{row['rules']:>5}  {row['verified']:<12}{row['title']}" for row in data
    ]
    show(output, data, "\n".join(lines))


@command.command("show")
@click.argument("name", metavar="NAME|FILE")
@output_option
def show_profile(name: str, output: str) -> None:
    """Show what a profile asks, with the remedy and the source of every rule."""
    from provision.flow.validate import load_profile

    profile = load_profile(name)
    show(output, _as_dict(profile), "\n".join(_lines(profile)))


def _as_dict(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "title": profile.title,
        "verified": profile.verified.isoformat(),
        "params": dict(profile.params),
        "files": list(profile.files),
        "rules": [
            {
                "id": rule.id,
                "title": rule.title,
                "severity": str(rule.severity),
                "when": rule.when.words() if rule.when else None,
                "asks": _asks(rule),
                "facts": list(dict.fromkeys(rule.check.facts())),
                "fix": rule.fix,
                "fix_redfish": dict(rule.fix_redfish),
                "on_unknown": str(rule.on_unknown),
                "source": str(rule.source) if rule.source else None,
                "confidence": rule.confidence,
                "origin": rule.origin,
            }
            for rule in profile.rules
        ],
    }


def _asks(rule: Rule) -> str:
    from hwprofiles.checks import named

    return named(rule.check)


def _lines(profile: Profile) -> Iterator[str]:
    from hwprofiles.checks import named

    yield f"{profile.title} [{profile.id}], verified {profile.verified}"
    for key, value in profile.params.items():
        yield from _wrapped(f"  {key} = ", str(value))
    for rule in profile.rules:
        yield ""
        yield from _wrapped(f"{rule.severity.upper():<9}", f"{rule.title} [{rule.id}]")
        if rule.when:
            yield from _part("when", named(rule.when))
        yield from _part("asks", _asks(rule))
        if rule.on_unknown != "unknown":
            yield from _part("", f"not known counts as {rule.on_unknown}")
        yield from _part("fix", rule.fix)
        yield from _part("set", ", ".join(f"{k}: {v}" for k, v in rule.fix_redfish.items()))
        yield from _part("source", str(rule.source or "none"))
        if rule.confidence == "low":
            yield from _part("", "low confidence: no primary source says so")
        yield from _part("from", rule.origin)


def _part(label: str, words: str) -> list[str]:
    return _wrapped(f"{'':9}{label:<8}", words) if words else []


def _wrapped(start: str, words: str) -> list[str]:
    import textwrap

    # A URL is kept whole: one that is cut cannot be opened.
    return textwrap.wrap(
        words,
        80,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


@command.command("lint")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def lint(files: tuple[str, ...]) -> None:
    """Check profile files, and list rules without a source or with a doubtful one.

    Every problem is told as file:line:column; with any, the exit status is 13. What only deserves a
    look (no source, low confidence, not verified for a year) is told and costs nothing.
    """
    import hwprofiles
    from hwprofiles import loading

    wrong = 0
    for file in files:
        try:
            profile = loading.load(file, allow_abstract=True)
        except hwprofiles.DocumentError as error:
            wrong += len(error.problems)
            click.echo(str(error))
            continue
        remarks = list(_remarks(profile))
        click.echo(f"{file}: {_number(profile.rules, 'rule')}, {_number(remarks, 'remark')}")
        for remark in remarks:
            click.echo(f"  {remark}")
    if wrong:
        number = _number(range(wrong), "problem")
        raise ConfigError(f"checking profiles: {number} found", hint="Mend the places named above.")


def _number(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _remarks(profile: Profile) -> Iterator[str]:
    from datetime import UTC, datetime

    for rule in profile.rules:
        if rule.source is None:
            yield f"{rule.origin}: {rule.id} has no source"
        if rule.confidence == "low":
            yield f"{rule.origin}: {rule.id} has low confidence"
        if not rule.fix:
            yield f"{rule.origin}: {rule.id} says nothing of what to do"
    if (datetime.now(UTC).date() - profile.verified).days > _STALE_DAYS:
        yield f"{profile.files[-1]}: last verified {profile.verified}, over a year ago"
