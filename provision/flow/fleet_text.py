"""Drift and outliers for a person: 80 columns, worst first, machines alike in a fault together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from provision.core.text import clean
from provision.flow.fleet import Doubt, Machine
from provision.flow.fleet_baseline import Changed, Drift
from provision.flow.fleet_diff import Untold
from provision.flow.fleet_outliers import AREAS, Area, Group, Model, Outliers
from provision.flow.fleet_words import (
    FIRM,
    became,
    changes,
    labels,
    listed,
    make_up,
    number_of,
    unlike,
)
from provision.report.layout import INDENT, headed, part, wrapped

_CALM: Final = 8  # models of which everybody is alike, told with what they are made of
#: What is told of at most: changes since a baseline, odd groups, and groups without a majority.
_BLOCKS: Final = 200
_GROUPS: Final = 48
_KINDS: Final = 12
_SAME: Final = "If this is one machine given twice, leave one out; else have it set right."


def drift(found: Drift) -> str:
    """Return what has changed since the baseline."""
    pairs = found.machines
    everybody = [each.after for each in pairs] + [*found.gone, *found.new]
    names = labels(everybody)
    lines: list[str] = []
    told = {
        names[id(each.after)]: changes(each.difference.changes, became) for each in found.changed
    }
    blocks = list(_shared(told))
    for alike, texts in blocks[:_BLOCKS]:
        lines += [*headed("changed", _counted(alike)), *_below(texts), ""]
    lines += [*_left_out(len(blocks) - _BLOCKS), ""] if len(blocks) > _BLOCKS else []
    for word, who, what in (
        ("gone", found.gone, "in the baseline, and not among the targets"),
        ("new", found.new, "not in the baseline"),
    ):
        if who:
            lines += headed(word, _counted([names[id(each)] for each in who]))
            lines += [*_below([what]), ""]
    lines += [*_unread(found.unread), *_not_told(pairs, names)]
    return _text([*lines, *wrapped("", _drift_count(found))])


def _shared(told: Mapping[str, Iterable[str]]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield machines and what is told of all of them, and of no others; most machines first."""
    who: dict[str, dict[str, None]] = defaultdict(dict)
    for name, texts in told.items():
        for text in texts:
            who[text][name] = None
    blocks: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text, names in who.items():
        blocks[tuple(names)].append(text)
    yield from sorted(blocks.items(), key=lambda block: -len(block[0]))


def _left_out(number: int) -> list[str]:
    return headed("more", f"{number} more of the kind; --output json tells all")


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines).replace(FIRM, " ")


def _unread(names: Sequence[str]) -> list[str]:
    return [*headed("not read", _counted([clean(name) for name in names])), ""] if names else []


def _counted(names: Sequence[str]) -> str:
    many = f"{number_of(len(names))}: " if len(names) > 1 else ""
    return many + listed(names)


def _below(texts: Iterable[str]) -> Iterator[str]:
    return chain.from_iterable(wrapped(" " * INDENT, text) for text in texts)


def _drift_count(found: Drift) -> str:
    alike = len(found.machines) - len(found.changed)
    counts = {
        "changed": len(found.changed),
        "gone": len(found.gone),
        "new": len(found.new),
        "not read": len(found.unread),
        "as in the baseline": alike,
    }
    told = [f"{number} {word}" for word, number in counts.items() if number]
    number = sum(counts.values())
    return f"{number_of(number)}: {', '.join(told) or 'nothing to compare'}"


def _not_told(pairs: Iterable[Changed], names: Mapping[int, str]) -> Iterator[str]:
    """Tell of what nobody knows: facts told then and not now, or by another source."""
    told = {
        names[id(each.after)]: [_untold(one) for one in each.difference.untold if not one.now]
        for each in pairs
    }
    for alike, texts in _shared(told):
        yield from headed("not told", _counted(alike))
        yield from _below(texts)
        yield ""


def _untold(one: Untold) -> str:
    what = ".".join(filter(None, (one.fact, one.column)))
    if one.foreign:
        return f"{what}: told by another source than then, so not compared"
    if one.link:
        return f"{clean(one.slot) or what}: no link speed now"
    return f"{what}: told then, not now"


def outliers(found: Outliers, unread: Sequence[str] = ()) -> str:
    """Return who is not like the others, model by model; ``unread`` could not be looked at."""
    everybody = [machine for model in found.models for machine in model.machines]
    names = labels(everybody)
    alone = [model for model in found.models if len(model.machines) == 1]
    many = [model for model in found.models if len(model.machines) > 1]
    lines: list[str] = []
    for doubt in found.doubts:
        lines += [*_doubt(doubt, names), ""]
    for model in many:
        full = not model.alike or len(many) <= _CALM
        lines += [*_model(model, names, full=full), *([""] if full else [])]
    if lines and lines[-1]:
        lines.append("")
    if alone:
        told = [f"{names[id(each.machines[0])]}, {_title(each)}" for each in alone]
        lines += [*headed("alone", "nothing of their model to compare with:")]
        lines += [*_below(told[:_CALM]), *_below(_more(told)), ""]
    lines += [*_unread(unread), *wrapped("", _outliers_count(found, len(unread)))]
    return _text(lines)


def _more(told: Sequence[str]) -> list[str]:
    return [f"and {len(told) - _CALM} more"] if len(told) > _CALM else []


def _title(model: Model) -> str:
    return clean(model.name) or "model not told"


def _model(model: Model, names: Mapping[int, str], *, full: bool) -> Iterator[str]:
    number = len(model.machines)
    if not full:
        yield from headed("alike", f"{number_of(number)}: {_title(model)}")
        return
    odd = f"{len(model.odd)} odd" if model.odd else "nobody odd" if model.split else "all alike"
    yield from wrapped("", f"{_title(model)}: {number_of(number)}, {odd}")
    for area in model.areas:
        for group in area.odd[:_GROUPS]:
            yield from _odd(area, group, names)
        if len(area.odd) > _GROUPS:
            yield from _left_out(len(area.odd) - _GROUPS)
    for area in model.split:
        yield from _split(area, names)
    yield from _silent(model)
    start = "MOST" if model.odd else "ALIKE"
    for area in model.areas:
        text = make_up(area.groups[0].sample, area.name, sorted(AREAS[area.name]))
        if area.ruled and text:
            yield from _row(start, area.name, text)
            start = ""


def _row(word: str, label: str, text: str) -> list[str]:
    lines = part(label, text)
    return [f"{word:<{INDENT}}{lines[0][INDENT:]}", *lines[1:]] if lines else []


def _odd(area: Area, group: Group, names: Mapping[int, str]) -> Iterator[str]:
    yield from headed("odd", f"{area.name} of {_named(group.machines, names)}")
    yield from _below(changes(group.difference.changes, unlike))


def _named(found: Sequence[Machine], names: Mapping[int, str]) -> str:
    return _counted([names[id(each)] for each in found])


def _split(area: Area, names: Mapping[int, str]) -> Iterator[str]:
    yield from headed("split", f"{area.name}: no majority, {len(area.groups)} groups")
    first = area.groups[0]
    text = make_up(first.sample, area.name, sorted(AREAS[area.name]))
    yield from _below([_named(first.machines, names)])
    yield from _further([text or "as told below of the others"])
    for group in area.groups[1:_KINDS]:
        yield from _below([_named(group.machines, names)])
        yield from _further(changes(group.difference.changes, unlike))
    if len(area.groups) > _KINDS:
        yield from _left_out(len(area.groups) - _KINDS)


def _further(texts: Iterable[str]) -> Iterator[str]:
    return chain.from_iterable(wrapped(" " * (INDENT + 2), text) for text in texts)


def _silent(model: Model) -> Iterator[str]:
    """Tell of how many machines something is not known, so that they may be odd in it."""
    told = [
        f"{area.name}: nothing of {number_of(len(area.silent))}"
        for area in model.areas
        if area.silent
    ]
    for area in model.areas:
        for group in area.groups:
            told += [
                f"{'.'.join(filter(None, place))}: not of {number_of(number)}"
                for place, number in sorted(group.untold.items())
            ]
    if told:
        yield from headed("not told", "; ".join(told))


def _doubt(doubt: Doubt, names: Mapping[int, str]) -> Iterator[str]:
    value = listed([clean(each) for each in doubt.values])
    who = _named(doubt.machines, names)
    if doubt.fake:
        yield from headed("doubt", f"{doubt.what} is the placeholder {value}: {who}")
        yield from part("fix", "Have the maker's tool write the real one; it tells nobody apart.")
    else:
        yield from headed("doubt", f"the same {doubt.what} {value} is told by {who}")
        yield from part("fix", _SAME)


def _outliers_count(found: Outliers, unread: int) -> str:
    number = sum(len(model.machines) for model in found.models)
    odd = sum(len(model.odd) for model in found.models)
    split = sum(bool(model.split) for model in found.models)
    told = [f"{odd} odd" if odd else "nobody odd"]
    told += [f"no majority in {'1 model' if split == 1 else f'{split} models'}"] if split else []
    many = (
        "1 doubtful identity"
        if len(found.doubts) == 1
        else f"{len(found.doubts)} doubtful identities"
    )
    told += [many] if found.doubts else []
    told += [f"{unread} not read"] if unread else []
    models = "1 model" if len(found.models) == 1 else f"{len(found.models)} models"
    return f"{number_of(number)} of {models}: {', '.join(told)}"
