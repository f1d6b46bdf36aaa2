"""Many machines as text: a line for each, worst first, then what is wrong, cause by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from hwprofiles import Outcome
from provision.report.causes import TIMES, Cause, causes, labels, unread
from provision.report.layout import INDENT, WIDTH, headed, part, parts, wrapped
from provision.report.validations import LOW, VERDICTS, Validation, worst_first

_HOST: Final = 24  # columns for names of machines; longer ones push the rest aside
_MODEL: Final = 18
_CALM: Final = 24  # machines named where nobody has to act
_KINDS: Final = 6  # different values worth telling apart


def render(validations: Sequence[Validation]) -> str:
    """Return the machines, the causes and the count line."""
    machines = worst_first(validations)
    lines = [*_head(machines), "", *_machines(machines), ""]
    wrong = list(causes(validations))
    failed = [each for each in wrong if each.outcome is Outcome.FAIL]
    for cause in failed:
        lines += [*_cause(cause, len(machines)), ""]
    for (code, hint), told in unread(validations).items():
        lines += [*_unread(code, hint, told), ""]
    for cause in wrong[len(failed) :]:
        lines += [*_cause(cause, len(machines)), ""]
    return "\n".join([*lines, *_count(machines)]) + "\n"


def _head(machines: Sequence[Validation]) -> list[str]:
    titles = sorted({each.profile.title for each in machines if each.profile})
    return wrapped("", f"Validated against {' and '.join(titles)}" if titles else "Validated")


def _machines(machines: Sequence[Validation]) -> Iterator[str]:
    names = labels(machines)
    width = min(max(map(len, names), default=0), _HOST)
    serials = max((len(each.told("system.serial")) for each in machines), default=0)
    for name, each in zip(names, machines, strict=True):
        model = each.told("system.model")
        short = model if len(model) <= _MODEL else model[: _MODEL - 1] + "…"
        start = f"{name:<{width}}  {each.told('system.serial'):<{min(serials, 16)}}  "
        line = f"{each.verdict:<{INDENT}}{start}{short:<{_MODEL}}  "
        yield from wrapped("", f"{line}{_matter(each, WIDTH - len(line))}".rstrip())


def _matter(validation: Validation, room: int) -> str:
    """Return what is the matter in a few words: rules that failed, else those left open."""
    if validation.error:
        return validation.error.code
    for outcome, before in ((Outcome.FAIL, ""), (Outcome.UNKNOWN, "not known: ")):
        rules = [each.rule for each in validation.findings if each.outcome is outcome]
        if rules:
            return before + _fitting(rules, room - len(before))
    return "no rule passed" if validation.verdict == "UNKNOWN" else ""


def _fitting(words: Sequence[str], room: int) -> str:
    """Return as many of ``words`` as there is room for, one at least, and how many more."""
    for number in range(len(words), 1, -1):
        more = len(words) - number
        text = ", ".join(words[:number]) + (f", {more} more" if more else "")
        if len(text) <= room:
            return text
    return words[0] + (f", {len(words) - 1} more" if len(words) > 1 else "")


def _cause(cause: Cause, of: int) -> Iterator[str]:
    sample = cause.sample
    number = len(cause.members)
    yield from headed(cause.outcome, f"{number} {TIMES} {sample.rule}: {sample.title}")
    yield from wrapped(" " * INDENT, f"all {of} machines" if number == of else _hosts(cause))
    for label, values in cause.told.items():
        yield from _variants(label, values, number)
    yield from parts("fix", cause.remedies)
    yield from parts("source", filter(None, (sample.source_title, sample.source_where)))
    if sample.confidence == "low":
        yield from part("caution", LOW)


def _hosts(cause: Cause) -> str:
    calm = cause.outcome in (Outcome.INFO, Outcome.WAIVED)
    hosts = cause.hosts[:_CALM] if calm else cause.hosts
    more = len(cause.hosts) - len(hosts)
    return ", ".join(hosts) + (f" and {more} more" if more else "")


def _variants(label: str, values: dict[str, list[str]], of: int) -> list[str]:
    """Return each value met with the machines that have it; only the value when all have it."""
    told = [
        value if len(hosts) == of else f"{value}: {', '.join(hosts)}"
        for value, hosts in values.items()
    ]
    more = [f"and {len(told) - _KINDS} more values"] if len(told) > _KINDS else []
    return parts(label, told[:_KINDS] + more)


def _unread(code: str, hint: str, told: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from headed("ERROR", f"{len(told)} {TIMES} {code}: could not be validated")
    for label, message in told:
        yield from wrapped(" " * INDENT, f"{label}: {message}")
    yield from part("fix", hint)


def _count(machines: Sequence[Validation]) -> list[str]:
    number = Counter(each.verdict for each in machines)
    told = [f"{number[word]} {word}" for word in VERDICTS if number[word]]
    noun = "machine" if len(machines) == 1 else "machines"
    return wrapped("", f"{len(machines)} {noun}: {', '.join(told) or 'nothing to tell'}")
