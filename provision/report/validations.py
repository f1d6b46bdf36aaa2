"""Validations as reports see them: typed, with every string made harmless. See ``reading``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol

from hwprofiles import Outcome, Severity
from hwprofiles.catalogue import CATALOGUE, Kind, Meaning
from hwprofiles.facts import in_words, shown
from provision.core.text import clean
from provision.report.naming import base_of, shortened

_LIST: Final = 6000  # characters of a list of words; CPU flags are some 2000

Cell = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A fact as told: its value as data and as words, and where it was read."""

    name: str
    value: Cell | tuple[str, ...] | tuple[Mapping[str, Cell], ...]
    source: str
    path: str
    at: str
    power_state: str
    rivals: tuple[Fact, ...]

    @property
    def words(self) -> str:
        """Return the value for a person, with its unit."""
        return in_text(self.name, self.value)

    def place(self, base: str = "") -> str:
        """Return where it was read, by which means; the file ``base``, named before, as ``…``."""
        power = f", power {self.power_state}" if self.power_state else ""
        return f"{shortened(self.path, base)} ({self.source}{power})"

    @property
    def rows(self) -> tuple[Mapping[str, Cell], ...]:
        """Return the rows of a table; none when the value is none."""
        if isinstance(self.value, tuple):
            return tuple(row for row in self.value if isinstance(row, Mapping))
        return ()


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Who lets a rule go, why, and until which day."""

    reason: str
    by: str
    until: str
    expired: bool

    def __str__(self) -> str:
        until = f"expired {self.until}" if self.expired else f"until {self.until}"
        return f"{self.reason} (by {self.by}, {until})"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule judged. ``settings`` are this machine's own BIOS attributes that would mend it.

    ``look``: how to learn what is not known, where that left the rule open.
    """

    rule: str
    profile: str
    title: str
    outcome: Outcome
    severity: Severity
    expected: str
    found: str
    evidence: tuple[Fact, ...]
    unknown: tuple[str, ...]
    fix: str
    settings: Mapping[str, str]
    source_title: str
    source_where: str
    confidence: str
    waiver: Waiver | None
    look: str

    @property
    def remedies(self) -> tuple[str, ...]:
        """Return what to do, in order; nothing where the machine may be well as it is."""
        if self.look or self.outcome not in (Outcome.FAIL, Outcome.WARN, Outcome.INFO):
            return ()
        pairs = ", ".join(f"{name} to {value}" for name, value in self.settings.items())
        spoken = f"In the BIOS settings: set {pairs}." if pairs else ""
        return tuple(each for each in (self.fix, spoken) if each)

    @property
    def source(self) -> str:
        """Return who asks for it and where, as far as the profile tells."""
        return ", ".join(filter(None, (self.source_title, self.source_where)))

    @property
    def not_told(self) -> tuple[str, ...]:
        """Return the facts whose absence decided: for want of them nothing could be compared."""
        return self.unknown if self.open or not self.evidence else ()

    @property
    def open(self) -> bool:
        """Whether it was not knowing that decided, whatever the profile makes of that."""
        return bool(self.look) or self.outcome is Outcome.UNKNOWN

    @property
    def statable(self) -> tuple[str, ...]:
        """Return the facts that a person could state to settle it: single values, not told yet."""
        unsure = (each.name for each in self.evidence if _is_unsure(each))
        names = dict.fromkeys((*self.unknown, *unsure)) if self.open else ()
        return tuple(name for name in names if _is_single(name))

    @property
    def disagreement(self) -> bool:
        """Whether sources that contradict one another are the matter, and no rule of a profile."""
        return not self.profile and self.rule.startswith("sources.")

    @property
    def told(self) -> dict[str, str]:
        """Return what was told and what was asked, each behind its label."""
        if self.disagreement:
            return {"believed": self.expected, "but also": self.found}
        open_ = bool(self.not_told)
        told = {
            "not told": ", ".join(self.not_told),
            "found": self.found if self.evidence or not open_ else "",
            "wanted": self.expected,
        }
        return {label: text for label, text in told.items() if text}

    @property
    def comparison(self) -> str:
        """Return the same as one clause."""
        return ", ".join(f"{label} {text}" for label, text in self.told.items())


@dataclass(frozen=True, kw_only=True)
class ProfileName:
    """Which profile: its id, its title, and the day its rules were last verified."""

    id: str
    title: str
    verified: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a machine could not be validated at all."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One machine validated, or (``error``) one that could not be read.

    ``trust`` says how a BMC's identity was established: ca, pin, first-use or insecure.
    ``server`` is the profile of this very model; none of those known may fit (``server_sought``).
    """

    target: str
    verdict: str
    at: datetime | None
    tool: str
    trust: str
    profile: ProfileName | None
    params: Mapping[str, Cell]
    server: ProfileName | None
    server_sought: bool
    findings: tuple[Finding, ...]
    facts: Mapping[str, Fact]
    error: Failure | None

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        """Return how many rules have each outcome, worst first, zeros included."""
        outcomes = [finding.outcome for finding in self.findings]
        return {outcome: outcomes.count(outcome) for outcome in Outcome}

    def told(self, name: str) -> str:
        """Return a fact in words; empty when it is not known."""
        fact = self.facts.get(name)
        return fact.words if fact else ""

    @property
    def machine(self) -> str:
        """Return maker, model and serial number as far as they are known."""
        names = ("vendor", "model", "serial")
        return " ".join(filter(None, (self.told(f"system.{name}") for name in names)))

    @cached_property
    def base(self) -> str:
        """Return the file that most of what is known was read from; empty where none stands out."""
        found = (fact for finding in self.findings for fact in finding.evidence)
        return base_of(fact.path for fact in self.facts.values() or found)

    @property
    def no_server(self) -> bool:
        """Whether a profile of the server model was sought, and none fits."""
        return self.server_sought and not self.server

    @property
    def made_of(self) -> str:
        """Return processors, memory and internal ports in a line, as far as they are known."""
        sockets, name = self.told("cpu.sockets_populated"), self.told("cpu.name")
        memory, ports = self.told("memory.total"), self.told("ports.internal")
        said = (
            f"{sockets} \N{MULTIPLICATION SIGN} {name}" if sockets and name else name,
            f"{memory} of memory" if memory else "",
            f"internal ports: {ports}" if ports else "",
        )
        return "; ".join(filter(None, said))


def _is_single(name: str) -> bool:
    return name in CATALOGUE and CATALOGUE[name].kind not in (Kind.TABLE, Kind.WORDS)


def _is_unsure(fact: Fact) -> bool:
    return fact.name in CATALOGUE and fact.value in CATALOGUE[fact.name].unsure


#: What a machine can come to, worst first.
#: What every report says of a machine whose BMC was not checked; ``trust`` is then ``insecure``.
INSECURE: Final = "INSECURE: the BMC's certificate was not checked; whoever was in between answered"
VERDICTS: Final = ("FAIL", "ERROR", "UNKNOWN", "PASS")


class Outcomes(Protocol):
    """What a verdict is made of."""

    @property
    def outcome(self) -> Outcome:
        """How the rule came out."""

    @property
    def profile(self) -> str:
        """Whose rule it is."""


def verdict_of(found: Sequence[Outcomes], asked: str) -> str:
    """Return FAIL, UNKNOWN or PASS: what could not be judged has not passed.

    Nor has a machine of which not one rule of the profile that was ``asked`` for says that it
    suits; that a server is built as its maker wants it says nothing of that.
    """
    outcomes = {finding.outcome for finding in found}
    if Outcome.FAIL in outcomes:
        return "FAIL"
    suits = any(each.outcome is Outcome.PASS and each.profile == asked for each in found)
    return "PASS" if suits and Outcome.UNKNOWN not in outcomes else "UNKNOWN"


#: Outcomes told one by one, worst first; of the rest the names of the rules are enough.
TOLD: Final = (Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN, Outcome.INFO, Outcome.WAIVED)
#: What is said where no profile knows the server, and the command that writes one.
NO_SERVER: Final = "Known server: none; only what the hypervisor asks was judged"
DESCRIBE: Final = "provision profile new FILE --kind server --from RECORDING"
#: What is said beside a rule of low confidence.
LOW: Final = "this rule has no sure source; check before acting on it"
_COUNTED: Final = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "warned of",
    Outcome.UNKNOWN: "not known",
    Outcome.INFO: "for information",
    Outcome.WAIVED: "waived",
    Outcome.SKIP: "not applicable",
    Outcome.PASS: "passed",
}


def counted(number: Mapping[Outcome, int]) -> str:
    """Return how many rules came out how, worst first, in words."""
    told = [f"{number[outcome]} {word}" for outcome, word in _COUNTED.items() if number[outcome]]
    return ", ".join(told) or "no rules"


def worst_first(validations: Sequence[Validation]) -> list[Validation]:
    """Return machines by verdict, then by how much is wrong, else in their own order."""
    return sorted(
        validations,
        key=lambda each: (
            VERDICTS.index(each.verdict),
            *(-each.counts[bad] for bad in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.WARN)),
        ),
    )


def in_text(name: str, value: Any, column: str = "") -> str:
    """Return a fact's value (or a cell of a table) in words, whatever it turns out to be."""
    if (name, column) == ("memory.dimms", "size") and value == 0:
        return "empty"
    meaning = CATALOGUE.get(name)
    if meaning and column:
        meaning = meaning.columns.get(column)
    try:
        if meaning is None:
            return clean(in_words(_PLAIN, value), _LIST)
        return clean(in_words(meaning, value) if column else shown(name, value), _LIST)
    except (TypeError, AttributeError):  # of another kind than the catalogue of today says
        return clean(value, _LIST)


_PLAIN: Final = Meaning(kind=Kind.INTEGER, text="")
