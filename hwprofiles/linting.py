"""What deserves a look in a profile that loads: doubtful, dated, or used by nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from hwprofiles import loading, shelf
from hwprofiles.documents import SMALL, Document, read_document
from hwprofiles.errors import Problem
from hwprofiles.profile import Profile, Source
from hwprofiles.schema import ProfileFile
from hwprofiles.validation import did_you_mean, validate

_STALE: Final = timedelta(days=365)
_SOON: Final = timedelta(days=30)
_USED: Final = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Linted:
    """A profile that loads: its rules, those written in this very file, and notes by place."""

    rules: int
    own: int
    notes: tuple[Problem, ...]


def lint(name_or_path: str, today: date | None = None) -> Linted:
    """Read a profile and note what deserves a look; ``DocumentError`` where it does not load."""
    profile = loading.load(name_or_path, allow_abstract=True)
    path = Path(profile.files[-1])
    document = read_document(path, SMALL)
    content = validate(document, ProfileFile)
    if path.parent in shelf.FOLDERS.values():
        document.file = path.name  # where it is installed is of no matter
    today = today or datetime.now(UTC).date()
    notes = [
        *_of_rules(document, content),
        *_of_dates(document, content, today),
        *_unused(document, content, profile),
    ]
    own = sum(rule.enabled for rule in content.rules)
    return Linted(rules=len(profile.rules), own=own, notes=tuple(sorted(notes)))


def _of_rules(document: Document, content: ProfileFile) -> Iterator[Problem]:
    for at, rule in enumerate(content.rules):
        if not rule.enabled:
            continue
        lacks = [] if rule.source else ["no source"]
        lacks += ["low confidence"] if rule.confidence == "low" else []
        lacks += [] if rule.fix else ["no words on what to do"]
        if lacks:
            yield document.problem(("rules", at, "id"), f"{rule.id} has {', '.join(lacks)}")


def _of_dates(document: Document, content: ProfileFile, today: date) -> Iterator[Problem]:
    if today - content.verified > _STALE:
        told = f"last verified {content.verified}, over a year ago"
        yield document.problem(("verified",), told)
    for at, waiver in enumerate(content.waivers):
        left = waiver.until - today
        if left > _SOON:
            continue
        told = f"ends in {left.days} days" if left.days > 0 else "ends today"
        told = f"ended on {waiver.until}" if left.days < 0 else told
        yield document.problem(("waivers", at, "until"), f"the waiver of {waiver.rule} {told}")


def _unused(document: Document, content: ProfileFile, profile: Profile) -> Iterator[Problem]:
    """Note sources and parameters that nothing uses: the name may be a slip."""
    if content.abstract:
        return  # they are there for others
    cited = {rule.source for rule in profile.rules}
    for key, ref in content.sources.items():
        if Source(title=ref.title, where=ref.url or ref.ref) not in cited:
            yield document.problem(("sources", key), f"no rule names the source {key!r}")
    texts = (Path(file).read_text(encoding="utf-8-sig") for file in profile.files)
    used = {name for text in texts for name in _USED.findall(text)}
    for name in content.params:
        if name not in used:
            told = f"nothing uses the parameter {name!r}{did_you_mean(name, used)}"
            yield document.problem(("params", name), told, at_key=True)
