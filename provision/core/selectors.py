r"""Which servers are meant: ``rack=r12,u=1-16``, ``model~R7.*``, ``r12-u0?``, ``!@passed``.

    expression  any of several, separated by ;
    several     all of some terms, separated by ,
    term        [!] NAME-GLOB | KEY=VALUE | KEY!=VALUE | KEY~PATTERN | KEY!~PATTERN | @GROUP

A value is a glob (``*``, ``?``, ``[abc]``), several with ``|``; for ``u`` numbers and ranges. A
pattern is a regular expression that may match anywhere. Capitals do not count. What holds one of
``,;`` stands in double quotes. A server that does not say has an empty value: ``rack=""``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from provision.core.errors import ConfigError
from provision.core.servers_rows import mac_of

#: Returns the names in a group (``failed``: of the last run), or None where there is no such group.
Groups = Callable[[str], Collection[str] | None]

_LONGEST: Final = 10_000
_LONGEST_VALUE: Final = 256
_OPERATOR: Final = re.compile(r"(!=|!~|=|~)")
_KEYS: Final = ("name", "bmc", "serial", "mac", "model", "tag", "rack", "u", "slot", "user")
_KEYS_OF_RUNS: Final = ("profile", "tls")
#: Keys that are called otherwise in the file.
_FIELDS: Final = {"tag": "tags", "tags": "tags"}
_UNITS: Final = re.compile(r"(\d{1,4})(?:(-)(\d{1,4})?)?")


class Named(Protocol):
    """What can be selected: at least it has a name."""

    @property
    def name(self) -> str: ...  # noqa: D102


N = TypeVar("N", bound=Named)
_Test = Callable[[Any], bool]


class BadSelector(ConfigError):
    """The expression cannot be read; the message shows where."""

    code = "selector"
    remedy = "For example: rack=r12,u=1-16 or model~R7.* or r12-u0? or @failed."


def select(
    servers: Sequence[N], expression: str | Sequence[str], *, groups: Groups | None = None
) -> list[N]:
    """Return those of ``servers`` that ``expression`` means, in their order.

    Several expressions, as by a repeated option, mean the servers of any of them. ``groups`` says
    who is in ``@failed`` and the like. Raises ``BadSelector``. That nothing is left is no error
    here: whoever was asked to act on nothing has to say so.
    """
    given = [expression] if isinstance(expression, str) else list(expression)
    tests = [parse(text, groups=groups) for text in given]
    return [server for server in servers if any(test(server) for test in tests)]


def parse(text: str, *, groups: Groups | None = None) -> _Test:
    """Return the test that ``text`` stands for, or raise ``BadSelector``."""
    if len(text) > _LONGEST:
        raise BadSelector(f"reading a selector: longer than {_LONGEST} characters")
    ways: list[list[_Test]] = [[]]
    for term in _terms(text):
        ways[-1].append(_Reader(text, term, groups).test())
        if term.ends == ";":
            ways.append([])
    return lambda server: any(all(test(server) for test in way) for way in ways)


@dataclass(kw_only=True)
class _Term:
    """A piece of the expression without its quotes; each character knows where it stood."""

    text: str = ""
    places: list[int] = field(default_factory=list)
    quoted: set[int] = field(default_factory=set)
    #: Where a quote stood: what follows was given, though it may be empty.
    given: set[int] = field(default_factory=set)
    ends: str = ""

    def place(self, at: int) -> int:
        """Return where in the whole expression the character ``at`` of this term stood."""
        return self.places[min(at, len(self.places) - 1)] + max(0, at - len(self.places) + 1)

    def plain(self, at: int) -> str:
        """Return the character ``at`` where it means something: outside quotes."""
        return self.text[at : at + 1] if at not in self.quoted else ""


def _terms(text: str) -> Iterator[_Term]:
    """Cut ``text`` at the commas and semicolons that stand outside quotes."""
    term, begins, opened = _Term(), 0, -1
    for at, char in enumerate(text + ","):
        last = at == len(text)
        if char == '"':
            opened = at if opened < 0 else -1
            term.given.add(len(term.text))
        elif (char in ",;" and opened < 0) or last:
            if opened >= 0:
                raise _bad(text, opened, "this quote is not closed")
            if not term.text.strip() and not term.given:
                raise _bad(text, begins, "something is missing here")
            term.places.append(at)
            term.ends = "" if last else char
            yield term
            term, begins = _Term(), at + 1
        else:
            if opened >= 0:
                term.quoted.add(len(term.text))
            term.text += char
            term.places.append(at)


def _bad(text: str, at: int, told: str) -> BadSelector:
    """Return the error, with a mark under the place; a long expression is shown in part."""
    first = max(0, at - 40)
    shown = "".join(char if char.isprintable() else "?" for char in text[first : at + 30])
    mark = " " * (at - first) + "^"
    return BadSelector(f"reading the selector, character {at + 1}: {told}\n  {shown}\n  {mark}")


class _Reader:
    """Reads one term."""

    def __init__(self, whole: str, term: _Term, groups: Groups | None) -> None:
        self._whole, self._term, self._groups = whole, term, groups

    def test(self) -> _Test:
        """Return the term as a test of a server."""
        at, negations = 0, 0
        while self._term.plain(at) in ("!", " ") and at < len(self._term.text):
            negations += self._term.plain(at) == "!"
            at += 1
        found = self._group(at + 1) if self._term.plain(at) == "@" else self._comparison(at)
        return found if negations % 2 == 0 else lambda server: not found(server)

    def _comparison(self, at: int) -> _Test:
        text = self._term.text
        for match in _OPERATOR.finditer(text, at):
            if match.start() not in self._term.quoted:
                break
        else:
            return self._value("name", at)
        key = text[at : match.start()].strip().lower()
        if key not in (*_KEYS, *_KEYS_OF_RUNS, *_FIELDS):
            raise self._wrong(at, f"unknown key '{_shown(key)}'{_closest(key)}")
        after = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip())
        pattern = match[0].endswith("~")
        test = self._pattern(key, after) if pattern else self._value(key, after)
        return test if not match[0].startswith("!") else lambda server: not test(server)

    def _value(self, key: str, at: int) -> _Test:
        if not self._term.text[at:].strip() and at not in self._term.given:
            told = "a name" if key == "name" else f'a value; {key}="" means those that do not say'
            raise self._wrong(at, f"there should be {told}")
        choices = self._choices(at)
        if key == "u":
            return self._units(choices)
        if key == "mac":
            choices = [(place, _as_mac(choice)) for place, choice in choices]
        tests = [re.compile(fnmatch.translate(choice.lower())) for _, choice in choices]
        return lambda server: any(
            test.match(value) for test in tests for value in _values(server, key)
        )

    def _choices(self, at: int) -> list[tuple[int, str]]:
        """Cut the value at each ``|`` outside quotes; return the pieces with their places."""
        found: list[tuple[int, str]] = []
        start = at
        text = self._term.text
        for place in range(at, len(text) + 1):
            if place == len(text) or self._term.plain(place) == "|":
                found.append((start, text[start:place].strip()))
                if not found[-1][1] and start not in self._term.given:
                    raise self._wrong(start, "a value is missing")
                start = place + 1
        return found

    def _units(self, choices: list[tuple[int, str]]) -> _Test:
        ranges: list[tuple[int, float]] = []
        unsaid = False
        for place, choice in choices:
            if not choice:
                unsaid = True
                continue
            match = _UNITS.fullmatch(choice)
            if not match:
                raise self._wrong(place, "u is a number or a range: 7, 1-16, 20-")
            low = int(match[1])
            high = (int(match[3]) if match[3] else float("inf")) if match[2] else low
            if high < low:
                raise self._wrong(place, f"nothing lies between {low} and {high}")
            ranges.append((low, high))

        def stands_there(server: Any) -> bool:
            unit = getattr(server, "u", None)
            return unsaid if unit is None else any(low <= unit <= high for low, high in ranges)

        return stands_there

    def _pattern(self, key: str, at: int) -> _Test:
        from hwprofiles import patterns

        text = self._term.text[at:].strip()
        if not text:
            raise self._wrong(at, "a pattern is missing")
        if told := patterns.problem(text):
            raise self._wrong(at, told)
        pattern = re.compile(text, re.IGNORECASE)
        return lambda server: any(
            pattern.search(value[:_LONGEST_VALUE]) for value in _values(server, key)
        )

    def _group(self, at: int) -> _Test:
        name = self._term.text[at:].strip()
        if not name:
            raise self._wrong(at, "a group's name is missing; there are @failed and @passed")
        if self._groups is None:
            raise self._wrong(at - 1, f"@{_shown(name)} is of a run, and none is at hand")
        members = self._groups(name)
        if members is None:
            raise self._wrong(at - 1, f"no group is called @{_shown(name)}")
        names = frozenset(members)
        return lambda server: server.name in names

    def _wrong(self, at: int, told: str) -> BadSelector:
        return _bad(self._whole, self._term.place(at), told)


def _shown(word: str) -> str:
    return ascii(word[:40])[1:-1]


def _as_mac(choice: str) -> str:
    try:
        return mac_of(choice)
    except ValueError:
        return choice


def _values(server: Any, key: str) -> Sequence[str]:
    """Return what a server says of itself, in small letters; an empty text where nothing."""
    value = getattr(server, _FIELDS.get(key, key), None)
    found = value if isinstance(value, list | tuple) else [value]
    texts = [str(each).lower() for each in found if each is not None]
    return texts or [""]


def _closest(key: str) -> str:
    from hwprofiles.params import closest

    near = closest(key, (*_KEYS, *_KEYS_OF_RUNS))
    return near or f"; there are {', '.join(_KEYS)}"


def groups_of(results: Mapping[str, bool | None]) -> Groups:
    """Return the groups of a run: ``results`` says of each server whether it passed, None unknown.

    ``@passed`` has passed; ``@failed`` has not, and ``@unknown`` nobody knows.
    """

    def members(name: str) -> Collection[str] | None:
        if name not in _GROUPS:
            return None
        return [server for server, passed in results.items() if passed is _GROUPS[name]]

    return members


_GROUPS: Final[Mapping[str, bool | None]] = {"failed": False, "passed": True, "unknown": None}
