"""Profiles from files: inheritance by rule id, parameters, and every problem at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from hwprofiles import params
from hwprofiles.checks import Check, Combine
from hwprofiles.compiling import Compiler
from hwprofiles.documents import SMALL, Document, Place, read_document
from hwprofiles.errors import DocumentError, Problem
from hwprofiles.params import Params, closest
from hwprofiles.profile import Profile, Rule, Severity, Source, Waiver
from hwprofiles.schema import PopulationFile, ProfileFile, RuleFile, WaiverFile
from hwprofiles.shelf import FOLDERS, names, shipped
from hwprofiles.validation import read_yaml, validate

__all__ = ["FOLDERS", "load", "names", "read_yaml"]

#: Files that extend one another, and files of one profile in all.
_DEEPEST: Final = 16
_MOST_FILES: Final = 64
#: How the ids of rules begin that a profile need not have to waive them.
OTHERS: Final = ("server.", "sources.")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")


def load(name_or_path: str, *, allow_abstract: bool = False) -> Profile:
    """Return the shipped profile of that name, or the one in that file, ready to judge by."""
    path = Path(name_or_path)
    if not _is_path(name_or_path):
        if name_or_path not in shipped():
            near = closest(name_or_path, shipped())
            known = near.rstrip("?") or f"; there are {', '.join(names())}"
            told = f"no such profile{known}, or the path of a file?"
            raise DocumentError([Problem(name_or_path, 0, 0, told)])
        path = shipped()[name_or_path]
    reader = _Reader()
    layers = reader.chain(path)
    if reader.problems:
        raise DocumentError(reader.problems)
    return _Assembly(layers).profile(allow_abstract=allow_abstract)


def _is_shipped(path: Path) -> bool:
    return path.parent in FOLDERS.values()


def _is_path(text: str) -> bool:
    return "/" in text or text.endswith((".yaml", ".yml")) or not _NAME.fullmatch(text)


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One file of a profile's chain."""

    path: Path
    document: Document
    content: ProfileFile

    def origin(self, place: Place) -> str:
        line, _ = self.document.values[place]
        file = self.path.name if _is_shipped(self.path) else self.document.file
        return f"{file}:{line}"


def _read(path: Path) -> _Layer:
    document = read_document(path, SMALL)
    return _Layer(path=path, document=document, content=validate(document, ProfileFile))


#: Bases are read once, however many profiles extend them.
_shipped_layer: Final = cache(_read)


@dataclass(kw_only=True)
class _Reader:
    """Reads a file and what it extends, each once, bases first, collecting problems."""

    problems: list[Problem] = field(default_factory=list)
    _read: set[Path] = field(default_factory=set)

    def chain(self, path: Path, above: tuple[Path, ...] = ()) -> list[_Layer]:
        """Return the chain that ends with ``path``, less what is in it already.

        ``above`` are the files that led here.
        """
        real = path.resolve()
        if real in self._read:
            return []
        self._read.add(real)
        try:
            layer = _shipped_layer(path) if _is_shipped(path) else _read(path)
        except DocumentError as error:
            self.problems.extend(error.problems)
            return []
        self.problems.extend(_duplicates(layer))
        self.problems.extend(_from_the_future(layer))
        return [*self._bases(layer, (*above, real)), layer]

    def _bases(self, layer: _Layer, seen: tuple[Path, ...]) -> list[_Layer]:
        chain: list[_Layer] = []
        named: set[Path] = set()
        for number, name in enumerate(layer.content.extends):
            base, told = _base(name, layer.path, seen)
            if base and base.resolve() in named:
                told = f"{name!r} is extended twice"
            elif base and len(seen) >= _DEEPEST:
                told = f"more than {_DEEPEST} files, each extending the next"
            elif base and len(self._read) >= _MOST_FILES:
                told = f"more than {_MOST_FILES} files in one profile"
            if base and not told:
                named.add(base.resolve())
                chain += self.chain(base, seen)
                continue
            self.problems.append(layer.document.problem(("extends", number), told))
            if len(self._read) >= _MOST_FILES:
                break  # once is enough
        return chain


def _from_the_future(layer: _Layer) -> Iterator[Problem]:
    # What is shipped is not doubted: a server without a battery wakes up in 1970.
    today = datetime.now(UTC).date()
    verified = layer.content.verified
    if not _is_shipped(layer.path) and verified > today + timedelta(days=1):
        told = f"verified on {verified}, which is yet to come (here it is {today})"
        yield layer.document.problem(("verified",), told)


def _base(name: str, path: Path, seen: tuple[Path, ...]) -> tuple[Path | None, str]:
    """Find what ``path`` extends as ``name``: a file beside it, else a shipped profile."""
    beside = path.parent / (name if _is_path(name) else f"{name}.yaml")
    known = None if _is_path(name) else shipped().get(name)
    candidates = [beside, *([known] if known else [])]
    found = [candidate for candidate in candidates if candidate.is_file()]
    if not found:
        return None, f"no profile {name!r} to extend{closest(name, shipped())}"
    fresh = [candidate for candidate in found if candidate.resolve() not in seen]
    if not fresh:
        return None, f"extending {name!r} leads back to this file"
    return fresh[0], ""


def _duplicates(layer: _Layer) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, rule in enumerate(layer.content.rules):
        if rule.id in seen:
            told = f"rule {rule.id!r} is there twice"
            yield layer.document.problem(("rules", number, "id"), told)
        seen.add(rule.id)


class _Assembly:
    """Puts the layers of a chain together: the later one's rules and parameters win."""

    def __init__(self, layers: list[_Layer]) -> None:
        self._layers = layers
        self._problems: list[Problem] = []
        self._rules: dict[str, Rule] = {}
        self._waivers: list[Waiver] = []
        self._match: Check | None = None
        self._layout: PopulationFile | None = None
        contents = [layer.content for layer in layers]
        self._homes = {
            name: layer.document for layer in self._layers for name in layer.content.params
        }
        self._params = self._resolved()
        self._sources = {
            key: Source(title=ref.title, where=ref.url or ref.ref)
            for content in contents
            for key, ref in content.sources.items()
        }

    def _resolved(self) -> Params:
        """Return the parameters, filled in where one is made of others."""
        raw: Params = {n: v for layer in self._layers for n, v in layer.content.params.items()}
        filled: dict[str, str | int | float] = {}
        for name in raw:
            try:
                filled[name] = params.fill_one(name, raw)
            except params.Unfilled as error:
                self._problems.append(self._homes[name].problem(("params", name), str(error)))
        return filled

    def _given_to(self, number: int) -> dict[str, Document]:
        """Return the homes of the parameters that later layers give to that one.

        Who asks wrongly for the parameter of a base mends the asking, not the base.
        """
        return {
            name: layer.document
            for layer in self._layers[number + 1 :]
            for name in layer.content.params
        }

    def profile(self, *, allow_abstract: bool) -> Profile:
        """Return the whole, or raise all that is wrong with it."""
        if self._problems:  # of parameters: what is made with them would be wrong by them alone
            raise DocumentError(self._problems)
        for at, layer in enumerate(self._layers):
            self._layout = layer.content.population or self._layout
            compiler = Compiler(
                layer.document,
                self._params,
                self._layout.layout() if self._layout else None,
                homes=self._given_to(at),
            )
            for number, rule in enumerate(layer.content.rules):
                self._take(layer, rule, ("rules", number), compiler)
            for number, waiver in enumerate(layer.content.waivers):
                self._waive(layer, waiver, ("waivers", number), compiler)
            self._match = _check(compiler, layer.content.match, ("match",)) or self._match
            self._problems += compiler.problems
        last = self._layers[-1]
        if last.content.abstract and not allow_abstract:
            told = "this profile is only there to be extended; choose one that extends it"
            self._problems.append(last.document.problem(("abstract",), told))
        elif not (self._rules or self._problems or last.content.abstract):
            told = "no rules: a profile that asks for nothing judges nothing"
            self._problems.append(last.document.problem(("rules",), told))
        if self._problems:
            raise DocumentError(self._problems)
        return Profile(
            id=last.content.id,
            kind=last.content.kind,
            title=last.content.title,
            verified=last.content.verified,
            params=self._params,
            rules=tuple(self._rules.values()),
            files=tuple(dict.fromkeys(layer.document.file for layer in self._layers)),
            waivers=tuple(self._waivers),
            match=self._match,
            aliases=last.content.aliases,
            layout=self._layout.layout() if self._layout else None,
        )

    def _waive(self, layer: _Layer, waiver: WaiverFile, place: Place, compiler: Compiler) -> None:
        elsewhere = waiver.rule.startswith(OTHERS)  # rules of whatever server it turns out to be
        if not elsewhere and waiver.rule not in self._rules:
            told = f"no rule {waiver.rule!r} to waive{closest(waiver.rule, self._rules)}"
            self._problems.append(layer.document.problem((*place, "rule"), told))
        self._waivers.append(
            Waiver(
                rule=waiver.rule,
                reason=waiver.reason,
                by=waiver.by,
                until=waiver.until,
                when=_check(compiler, waiver.when, (*place, "when")),
            )
        )

    def _take(self, layer: _Layer, rule: RuleFile, place: Place, compiler: Compiler) -> None:
        if not rule.enabled:
            if self._rules.pop(rule.id, None) is None:
                told = f"no base has a rule {rule.id!r} to remove{closest(rule.id, self._rules)}"
                self._problems.append(layer.document.problem((*place, "id"), told))
            return
        if rule.source and rule.source not in self._sources:
            told = f"unknown source {rule.source!r}{closest(rule.source, self._sources)}"
            self._problems.append(layer.document.problem((*place, "source"), told))
        self._rules[rule.id] = Rule(
            id=rule.id,
            title=compiler.text(rule.title, (*place, "title")),
            severity=rule.severity or Severity.ERROR,
            check=_check(compiler, rule.check, (*place, "check")) or _NOTHING,
            when=_check(compiler, rule.when, (*place, "when")),
            fix=compiler.text(rule.fix, (*place, "fix")).strip(),
            fix_redfish={str(word): value for word, value in rule.fix_redfish.items()},
            source=self._sources.get(rule.source),
            confidence=rule.confidence,
            on_unknown=rule.on_unknown,
            origin=layer.origin(place),
        )


_NOTHING: Final = Combine(how="all", checks=())


def _check(compiler: Compiler, data: dict[str, object] | None, place: Place) -> Check | None:
    return None if data is None else compiler.check(data, place)
