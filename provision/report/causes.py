"""Many machines by what is wrong: one cause, the machines that share it, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hwprofiles import Outcome
from provision.report.naming import host, short
from provision.report.validations import TOLD, Finding, Validation

#: Between how many machines there are and what they share.
TIMES: Final = "\N{MULTIPLICATION SIGN}"
_SOME: Final = 8  # machines named where a remedy is not for all


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A rule that several machines missed, or left open, in the same way."""

    outcome: Outcome
    members: tuple[tuple[str, Finding], ...]

    @property
    def sample(self) -> Finding:
        """Return one of the findings, for what they have in common."""
        return self.members[0][1]

    @property
    def hosts(self) -> list[str]:
        """Return the machines' labels, in their order."""
        return [label for label, _ in self.members]

    @property
    def remedies(self) -> list[str]:
        """Return what to do; what is not for all of the machines says for which it is."""
        return self._by_machine(lambda finding: finding.remedies)

    @property
    def looks(self) -> list[str]:
        """Return how to learn what is not known, in the same way."""
        return self._by_machine(lambda finding: filter(None, [finding.look]))

    def _by_machine(self, advice: Callable[[Finding], Iterable[str]]) -> list[str]:
        groups: dict[str, list[str]] = {}
        for label, finding in self.members:
            for each in advice(finding):
                groups.setdefault(each, []).append(label)
        return [
            each if len(hosts) == len(self.members) else f"{some(hosts, _SOME)}: {each}"
            for each, hosts in groups.items()
        ]

    @property
    def told(self) -> dict[str, dict[str, list[str]]]:
        """Return, by label, each value with the machines that have it, the most common first."""
        groups: dict[str, dict[str, list[str]]] = {}
        for label, finding in self.members:
            waiver = {"waiver": str(finding.waiver)} if finding.waiver else {}
            for key, value in (waiver | finding.told).items():
                groups.setdefault(key, {}).setdefault(value, []).append(label)
        return {
            key: dict(sorted(values.items(), key=lambda pair: -len(pair[1])))
            for key, values in groups.items()
        }


def some(names: Sequence[str], most: int) -> str:
    """Return ``names``, at most so many of them, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def labels(validations: Sequence[Validation], width: int | None = None) -> list[str]:
    """Return a name for each: its target, with its profile where one target has several.

    With a ``width``, recordings go by what is not common to their paths, cut in the middle.
    """
    targets = Counter(each.target for each in validations)
    names = [host(each.target) for each in validations]
    if width is not None:
        names = short([each.target for each in validations], width)
    return [
        f"{name} ({each.profile.id})" if targets[each.target] > 1 and each.profile else name
        for name, each in zip(names, validations, strict=True)
    ]


def causes(validations: Sequence[Validation], width: int) -> Iterator[Cause]:
    """Yield what is wrong, worst first, then what concerns most machines.

    ``width`` is that of the machines' labels, here and in ``unread``.
    """
    groups: dict[tuple[Outcome, str, str, str], list[tuple[str, Finding]]] = {}
    for label, validation in zip(labels(validations, width), validations, strict=True):
        for each in validation.findings:
            if each.outcome in TOLD:
                key = (each.outcome, each.profile, each.rule, each.expected)
                groups.setdefault(key, []).append((label, each))
    found = [Cause(outcome=key[0], members=tuple(members)) for key, members in groups.items()]
    yield from sorted(found, key=lambda each: (TOLD.index(each.outcome), -len(each.members)))


def unread(
    validations: Sequence[Validation], width: int
) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
    """Return, by code and remedy, the machines that could not be read, each with its message."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for label, each in zip(labels(validations, width), validations, strict=True):
        if each.error:
            told = groups.setdefault((each.error.code, each.error.hint), [])
            told.append((label, each.error.message))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))
