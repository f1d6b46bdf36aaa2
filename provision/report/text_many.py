"""Many machines as text: a line for each, worst first, then what is wrong, cause by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hwprofiles import Outcome
from provision.report.causes import TIMES, Cause, causes, labels, some, unread
from provision.report.layout import INDENT, WIDTH, headed, part, parts, wrapped
from provision.report.naming import CUT
from provision.report.validations import INSECURE, LOW, VERDICTS, Validation, worst_first

_HOST: Final = 24  # columns for names of machines; longer addresses push the rest aside
_MODEL: Final = 18
_CALM: Final = 8  # machines named where none has failed
_ACT: Final = 24  # and where they have; the lines of the machines tell the others
_KINDS: Final = 6  # different values worth telling apart


def render(validations: Sequence[Validation]) -> str:
    """Return the machines, the causes and the count line."""
    machines = worst_first(validations)
    lines = [*_head(machines), "", *_machines(machines), ""]
    wrong = list(causes(machines, _HOST))
    failed = [each for each in wrong if each.outcome is Outcome.FAIL]
    for cause in failed:
        lines += [*_cause(cause, len(machines)), ""]
    lost = unread(machines, _HOST)
    for (code, hint), told in lost.items():
        lines += [*_unread(code, hint, told), ""]
    for cause in wrong[len(failed) :]:
        lines += [*_cause(cause, len(machines)), ""]
    lines += _summary(failed, lost, wrong[len(failed) :])
    return "\n".join([*lines, *_count(machines)]) + "\n"


def _head(machines: Sequence[Validation]) -> list[str]:
    titles = sorted({each.profile.title for each in machines if each.profile})
    lines = wrapped("", f"Validated against {' and '.join(titles)}" if titles else "Validated")
    if open_ := sum(each.trust == "insecure" for each in machines):
        lines += wrapped("", f"{INSECURE} ({open_} of {len(machines)})")
    return lines


def _machines(machines: Sequence[Validation]) -> Iterator[str]:
    names = labels(machines, _HOST)
    width = min(max(map(len, names), default=0), _HOST)
    serials = max((len(each.told("system.serial")) for each in machines), default=0)
    for name, each in zip(names, machines, strict=True):
        model = each.told("system.model")
        short = model if len(model) <= _MODEL else model[: _MODEL - 1] + CUT
        serial = f"{each.told('system.serial'):<{min(serials, 16)}}  " if serials else ""
        start = f"{name:<{width}}  {serial}"
        line = f"{each.verdict:<{INDENT}}{start}{short:<{_MODEL}}  "
        yield from wrapped("", f"{line}{_matter(each, WIDTH - len(line))}".rstrip())


def _matter(validation: Validation, room: int) -> str:
    """Return what is the matter in a few words: rules that failed, else those left open."""
    if validation.error:
        return validation.error.code
    if failed := _rules(validation, Outcome.FAIL):
        return _fitting(failed, room)
    if unknown := _rules(validation, Outcome.UNKNOWN):
        told = f"not known: {_fitting(unknown, room - len('not known: '))}"
        return told if len(told) <= room else f"{len(unknown)} not known"
    return "no rule passed" if validation.verdict == "UNKNOWN" else ""


def _rules(validation: Validation, outcome: Outcome) -> list[str]:
    return [each.rule for each in validation.findings if each.outcome is outcome]


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
    yield from parts("look", cause.looks)
    yield from parts("fix", cause.remedies)
    yield from parts("source", filter(None, (sample.source_title, sample.source_where)))
    if sample.confidence == "low":
        yield from part("caution", LOW)


def _hosts(cause: Cause) -> str:
    return some(cause.hosts, _ACT if cause.outcome is Outcome.FAIL else _CALM)


def _variants(label: str, values: dict[str, list[str]], of: int) -> list[str]:
    """Return each value met with the machines that have it; only the value when all have it."""
    told = [
        value if len(hosts) == of else f"{value}: {some(hosts, _CALM)}"
        for value, hosts in values.items()
    ]
    more = [f"and {len(told) - _KINDS} more values"] if len(told) > _KINDS else []
    return parts(label, told[:_KINDS] + more)


def _unread(code: str, hint: str, told: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from headed("ERROR", f"{len(told)} {TIMES} {code}: could not be validated")
    for label, message in told:
        yield from wrapped(" " * INDENT, f"{label}: {message}")
    yield from part("fix", hint)


def _summary(
    failed: Sequence[Cause],
    lost: Mapping[tuple[str, str], Sequence[tuple[str, str]]],
    others: Sequence[Cause],
) -> list[str]:
    """Return a line for each cause, in the order told above; nothing where one look is enough."""
    lines = [
        *map(_line, failed),
        *(_short("ERROR", f"{len(told):>3} {TIMES} {code}") for (code, _), told in lost.items()),
        *map(_line, others),
    ]
    return ["In short", *lines, ""] if len(lines) > 1 else []


def _line(cause: Cause) -> str:
    sample = cause.sample
    return _short(cause.outcome, f"{len(cause.members):>3} {TIMES} {sample.rule}: {sample.title}")


def _short(word: str, text: str) -> str:
    line = f"{word.upper():<{INDENT}}{text}"
    return line if len(line) <= WIDTH else line[: WIDTH - len(CUT)] + CUT


def _count(machines: Sequence[Validation]) -> list[str]:
    number = Counter(each.verdict for each in machines)
    told = [f"{number[word]} {word}" for word in VERDICTS if number[word]]
    noun = "machine" if len(machines) == 1 else "machines"
    return wrapped("", f"{len(machines)} {noun}: {', '.join(told) or 'nothing to tell'}")
