"""Documents people write: strict YAML 1.2 that remembers where each value stands.

The YAML is composed into nodes and turned into plain data here, not by the library's constructor,
because then every duplicate key, odd tag and bad number is found in one go, with its place, and no
tag can create an object.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

from hwprofiles.errors import DocumentError, Problem

#: Where in the data: ``("rules", 3, "check")``.
Place = tuple[str | int, ...]
#: Where in the file: line and column, from 1.
Mark = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large a document may be: bytes of the file, and values in it with all aliases followed.

    Pure Python takes about a second over 8 000 values, so what is refused is refused early.
    """

    size: int = 1 << 20
    values: int = 50_000


#: Nobody writes a larger file by hand; a BMC dump named by mistake is one.
LISTS: Final = Limits()
#: For files of which one is about one thing: the longest shipped has 6 kB and 250 values.
SMALL: Final = Limits(size=1 << 17, values=5_000)
_MAX_DEPTH: Final = 40
_LONGEST_TAG: Final = 200
_CORE: Final = "tag:yaml.org,2002:"
#: Escapes for terminals, halves of characters, and what turns the reading direction round.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(kw_only=True)
class Document:
    """Plain data from a file, and where each key and value of it stands."""

    file: str
    data: Any = None
    keys: dict[Place, Mark] = field(default_factory=dict)
    values: dict[Place, Mark] = field(default_factory=dict)

    def at(self, place: Place) -> Any:
        """Return the value at ``place``; None where there is none."""
        value = self.data
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def problem(self, place: Place, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at ``place``, or at the nearest place above it that the file has."""
        for length in range(len(place), -1, -1):
            near = place[:length]
            mark = self.keys.get(near) if at_key else None
            mark = mark or self.values.get(near)
            if mark:
                return Problem(self.file, *mark, message)
        return Problem(self.file, 0, 0, message)


def read_document(path: Path, limits: Limits = LISTS) -> Document:
    """Read the YAML file ``path`` into plain data with places."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(limits.size + 1)
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise DocumentError([Problem(file, 0, 0, f"cannot be read: {told}")]) from error
    if len(raw) > limits.size:
        message = f"larger than {limits.size >> 10} KiB; is it the right file?"
        raise DocumentError([Problem(file, 0, 0, message)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        message = "not text in UTF-8; save it as UTF-8"
        raise DocumentError([Problem(file, line, column, message)]) from error
    return parse_document(text, file, limits)


def parse_document(text: str, file: str, limits: Limits = LISTS) -> Document:
    """Turn YAML ``text`` into plain data with places; ``file`` names it in problems."""
    node = _compose(text, file, limits)
    if node is None:
        raise DocumentError([Problem(file, 1, 1, "the file is empty")])
    builder = _Builder(Document(file=file), limits)
    builder.document.data = builder.build(node, ())
    if builder.problems:
        raise DocumentError(builder.problems)
    return builder.document


class _Scanner(Scanner):
    """Scans tokens, and stops before those that cost more than their length.

    Brackets in brackets are each compared with all that are open; a tag grows letter by letter.
    """

    def __init__(self, loader: Any = None, *, file: str) -> None:
        super().__init__(loader)
        self._file = file

    def fetch_flow_collection_start(self, *args: Any, **more: Any) -> None:
        """Fetch an opening bracket, unless it is one too many."""
        if self.flow_level >= _MAX_DEPTH:
            self._stop(f"nested more than {_MAX_DEPTH} deep")
        super().fetch_flow_collection_start(*args, **more)

    def fetch_tag(self) -> None:
        """Fetch a tag, unless it has no end in sight."""
        ahead = self.reader.prefix(_LONGEST_TAG)
        if len(ahead) == _LONGEST_TAG and not set(ahead) & set(" \t\n"):
            self._stop(f"a tag of more than {_LONGEST_TAG} characters")
        super().fetch_tag()

    def _stop(self, told: str) -> None:
        mark = _mark(self.reader.get_mark())
        raise DocumentError([Problem(self._file, *mark, told)])


class _Composer(Composer):
    """Composes nodes, and stops when there are too many: the rest could take minutes."""

    def __init__(self, loader: Any = None, *, file: str, limits: Limits) -> None:
        super().__init__(loader)
        self._file = file
        self._limits = limits
        self._count = 0
        self._level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node, unless it is one too many."""
        self._count += 1
        self._level += 1
        if told := _excess(self._count, self._level, self._limits):
            mark = _mark(self.parser.peek_event().start_mark)
            raise DocumentError([Problem(self._file, *mark, told)])
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def _excess(count: int, level: int, limits: Limits) -> str:
    if level > _MAX_DEPTH:
        return f"nested more than {_MAX_DEPTH} deep"
    return f"more than {limits.values} values" if count > limits.values else ""


def _compose(text: str, file: str, limits: Limits) -> Node | None:
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Scanner = partial(_Scanner, file=file)
    yaml.Composer = partial(_Composer, file=file, limits=limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a reused anchor is no matter to a person
            node = yaml.compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(filter(None, (error.context, error.problem)))
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise DocumentError([Problem(file, line, column, f"not YAML: {words}")]) from error
    except ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, error.position - before.rfind("\n")
        told = f"a control character stands in it (U+{error.character:04X})"
        raise DocumentError([Problem(file, *place, told)]) from error
    return node if isinstance(node, Node) else None


class _Builder:
    """Turns nodes into plain data, collecting places and problems."""

    def __init__(self, document: Document, limits: Limits) -> None:
        self.document = document
        self._limits = limits
        self.problems: list[Problem] = []
        self._count = 0

    def build(self, node: Node, place: Place) -> Any:
        """Return the plain value of ``node``, which stands at ``place``."""
        self._count += 1
        self.document.values[place] = _mark(node.start_mark)
        if told := _excess(self._count, len(place) + 1, self._limits):
            raise DocumentError([self.document.problem(place, told)])
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            self._expect_tag(node, place, "seq")
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Any]:
        self._expect_tag(node, place, "map")
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag != f"{_CORE}str":
                self._complain(key_node, "a key is a plain word; put it in quotes to make it one")
                continue
            key = self._printable(key_node)
            if key in result:
                first = self.document.keys[(*place, key)][0]
                self._complain(key_node, f"duplicate key {key!r}, first on line {first}")
                continue
            self.document.keys[(*place, key)] = _mark(key_node.start_mark)
            result[key] = self.build(value_node, (*place, key))
        return result

    def _scalar(self, node: Node, place: Place) -> Any:
        kind = str(node.tag).removeprefix(_CORE)
        text = self._printable(node)
        try:
            return _SCALARS[kind](text)
        except KeyError:
            self._complain(node, f"the tag {node.tag} is not supported here")
        except ValueError:
            self._complain(node, f"{text[:40]!r} cannot be read as {kind}; put it in quotes")
        return None

    def _printable(self, node: Node) -> str:
        text = str(node.value)
        if found := _UNPRINTABLE.search(text):
            self._complain(node, f"a control character stands in it (U+{ord(found[0]):04X})")
        return text

    def _expect_tag(self, node: Node, place: Place, kind: str) -> None:
        if node.tag != _CORE + kind:
            self._complain(node, f"the tag {node.tag} is not supported here")

    def _complain(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self.document.file, *_mark(node.start_mark), message))


def _mark(mark: StringMark) -> Mark:
    return mark.line + 1, mark.column + 1


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):  # YAML 1.1, asked for, has more
        raise ValueError(text)
    return text.lower() == "true"


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    prefixed = digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b")
    return int(digits, 0 if prefixed else 10)


def _float(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


#: YAML 1.2 core: ``yes``, ``on`` and ``1:30`` are words; dates stay text for the model to read.
_SCALARS: Final[dict[str, Any]] = {
    "str": str,
    "timestamp": str,
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "null": lambda _text: None,
}
