"""``provision profile explain``: why a rule asks, what it has to know, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from provision.cli.options import output_option, show
from provision.cli.profile_text import load, number, part, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hwprofiles import Finding, Profile
    from hwprofiles.facts import Value
    from hwprofiles.profile import Rule
    from provision.flow.sources import Machine

_UNKNOWN: Final = {
    "unknown": "the rule stays unknown: with it, the machine has not passed",
    "skip": "the rule is left out",
    "warning": "counts as missed, with a warning",
    "error": "counts as missed: the machine fails",
}
_MISSED: Final = {
    "error": "the machine fails",
    "warning": "a warning; the machine can pass",
    "info": "a remark; the machine can pass",
}


@click.command("explain", short_help="Explain what each rule has to know, and from where.")
@click.argument("name", metavar="NAME|FILE")
@click.option("--rule", "rules", metavar="ID", multiple=True, help="Only this one; repeatable.")
@click.option(
    "--from",
    "recordings",
    metavar="FILE|DIR|-",
    multiple=True,
    help="Also say what this recorded machine answers; repeatable.",
)
@output_option
def explain(name: str, rules: tuple[str, ...], recordings: tuple[str, ...], output: str) -> None:
    """Explain each rule of a profile: where it stands, and what it has to know.

    For every fact that a rule looks at: what it means, which sources can tell it, and with --from
    what a recorded machine says.
    """
    profile = load(name)
    machines = _machines(recordings)
    told = [
        _as_dict(rule, _places(profile), machines, _findings(profile, machines))
        for rule in _chosen(profile, rules)
    ]
    show(output, told, "\n".join(_lines(profile, told)))


def _chosen(profile: Profile, wanted: Sequence[str]) -> list[Rule]:
    from hwprofiles.params import closest
    from provision.core.errors import ConfigError

    known = {rule.id: rule for rule in profile.rules}
    for rule in wanted:
        if rule not in known:
            raise ConfigError(
                f"explaining {profile.id}: it has no rule {rule!r}{closest(rule, known)}",
                hint=f"See `provision profile show {profile.id}`.",
            )
    return [known[rule] for rule in wanted or known]


def _machines(recordings: Sequence[str]) -> list[Machine]:
    from provision.cli.shell import wait_for
    from provision.flow import sources

    return [machine for path in recordings for machine in wait_for(sources.read(path))]


def _findings(profile: Profile, machines: Sequence[Machine]) -> list[Mapping[str, Finding]]:
    import hwprofiles

    return [
        {finding.rule: finding for finding in hwprofiles.judge(profile, machine.facts)}
        for machine in machines
    ]


def _places(profile: Profile) -> Mapping[str, list[str]]:
    """Return where each rule stands, in the file that counts and before in those it overrides."""
    from pathlib import Path

    from hwprofiles import shelf
    from hwprofiles.documents import SMALL, read_document

    found: dict[str, list[str]] = {}
    for file in profile.files:
        document = read_document(Path(file), SMALL)
        short = Path(file).name if Path(file).parent in shelf.FOLDERS.values() else file
        for at, rule in enumerate(document.data.get("rules", ())):
            line, _ = document.values["rules", at]
            found.setdefault(rule["id"], []).append(f"{short}:{line}")
    return found


def _as_dict(
    rule: Rule,
    places: Mapping[str, list[str]],
    machines: Sequence[Machine],
    findings: Sequence[Mapping[str, Finding]],
) -> dict[str, Any]:
    from hwprofiles.checks import named

    asked = [*(rule.when.facts() if rule.when else ()), *rule.check.facts()]
    return {
        "rule": rule.id,
        "title": rule.title,
        "severity": str(rule.severity),
        "origin": rule.origin,
        "overrides": [place for place in places.get(rule.id, ()) if place != rule.origin],
        "when": named(rule.when) if rule.when else None,
        "asks": named(rule.check),
        "needs": [_need(fact, machines) for fact in dict.fromkeys(asked)],
        "on_unknown": str(rule.on_unknown),
        "fix": rule.fix,
        "fix_redfish": dict(rule.fix_redfish),
        "source": str(rule.source) if rule.source else None,
        "confidence": rule.confidence,
        "here": [
            {
                "target": machine.target,
                "outcome": str(found[rule.id].outcome),
                "found": found[rule.id].found,
            }
            for machine, found in zip(machines, findings, strict=True)
        ],
    }


def _need(fact: str, machines: Sequence[Machine]) -> dict[str, Any]:
    from hwprofiles.facts import CATALOGUE
    from hwprofiles.origins import ORIGINS

    return {
        "fact": fact,
        "means": CATALOGUE[fact].text,
        "from": [str(source) for source in ORIGINS[fact]],
        "here": [
            {"target": machine.target, "words": _value(fact, machine.facts[fact].value)}
            | machine.facts[fact].as_dict()
            for machine in machines
            if fact in machine.facts
        ],
    }


def _value(name: str, value: Value) -> str:
    """Return a value for a person; of a table or a long list, how much there is."""
    from hwprofiles.facts import CATALOGUE, Kind, shown

    if isinstance(value, tuple):
        rows = CATALOGUE[name].kind is Kind.TABLE
        return number(value, "row" if rows else "word")
    return shown(name, value)


def _lines(profile: Profile, told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from wrapped("", f"{profile.title} [{profile.id}], verified {profile.verified}")
    for rule in told:
        yield ""
        yield from _rule(rule)
    yield ""
    yield from _legend(
        {source for rule in told for need in rule["needs"] for source in need["from"]}
    )


def _rule(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from wrapped(f"{rule['severity'].upper():<9}", f"{rule['title']} [{rule['rule']}]")
    yield from part("stands", rule["origin"])
    yield from part("instead", f"of {', '.join(rule['overrides'])}" if rule["overrides"] else "")
    yield from part("when", rule["when"] or "")
    yield from part("asks", rule["asks"])
    for need in rule["needs"]:
        yield from part("needs", f"{need['fact']}: {need['means']}")
        yield from part("", f"from {', '.join(need['from']) or 'nothing but --fact: state it'}")
        for fact in need["here"]:
            yield from part("says", f"{fact['words']}, by {fact['source']}: {fact['path']}")
    yield from part("missed", _MISSED[rule["severity"]])
    yield from part("unknown", _UNKNOWN[rule["on_unknown"]])
    yield from part("fix", rule["fix"])
    yield from part("set", ", ".join(f"{k}: {v}" for k, v in rule["fix_redfish"].items()))
    yield from part("source", rule["source"] or "none")
    yield from part("", "low confidence: no primary source says so" * (rule["confidence"] == "low"))
    for here in rule["here"]:
        of = f" ({here['target']})" if len(rule["here"]) > 1 else ""
        yield from part("here", f"{here['outcome'].upper()}: found {here['found']}{of}")


def _legend(used: set[str]) -> Iterator[str]:
    from hwprofiles.origins import MEANS

    if used:
        yield "Sources of facts"
    for source, means in MEANS.items():
        if str(source) in used:
            yield from wrapped(f"  {source:<9}", means)
