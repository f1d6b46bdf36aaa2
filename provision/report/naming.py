"""Names short enough for a table, and paths that are not repeated at every line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

#: Stands for what was left out of a name.
CUT: Final = "…"


def host(target: str) -> str:
    """Return a target as short as people call it: without the scheme that all of them share."""
    return target.removeprefix("https://").rstrip("/") or target


def short(targets: Sequence[str], width: int) -> list[str]:
    """Return a name for each target; two are never called the same unless they are the same.

    Paths go without their common leading folders, and are cut to ``width`` in the middle where that
    keeps them apart. Addresses are left whole: people type them.
    """
    shared = len(_shared([each for each in targets if _is_path(each)]))
    choices = {each: _choices(each, shared, width) for each in targets}
    met = Counter(name for names in choices.values() for name in set(names))
    return [next((name for name in choices[each] if met[name] == 1), each) for each in targets]


def _choices(target: str, shared: int, width: int) -> list[str]:
    """Return what ``target`` could be called, the best first."""
    if not _is_path(target):
        return [host(target)]
    name = target[shared:]
    return [middle(name, width), name]


def middle(name: str, width: int) -> str:
    """Return ``name`` in ``width`` columns, the middle cut out; its end tells more and stays.

    Where the file's own name fits, the cut is in front of it.
    """
    if len(name) <= width:
        return name
    own = len(name) - name.rstrip("/").rfind("/")
    most = width - len(CUT)
    tail = own if own <= most * 3 // 4 else most * 2 // 3
    return name[: width - len(CUT) - tail] + CUT + name[len(name) - tail :]


def _is_path(target: str) -> bool:
    return "/" in target.rstrip("/") and "://" not in target


def _shared(paths: Sequence[str]) -> str:
    """Return the folders that all ``paths`` begin with, with the slash behind them."""
    folders = (path.rstrip("/").split("/")[:-1] for path in paths)
    alike = takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))
    shared = "".join(f"{level[0]}/" for level in alike)
    return shared if shared.strip("/") else ""


def base_of(places: Iterable[str]) -> str:
    """Return the file or resource that most of ``places`` are in, where naming it once is worth it.

    A place inside a file stands behind its ``#``.
    """
    paths = list(places)
    files = Counter(path.partition("#")[0] for path in paths if "#" in path)
    base, number = files.most_common(1)[0] if files else ("", 0)
    return base if number > len(paths) / 2 and len(base) > len(CUT) + 8 else ""


def shortened(text: str, base: str) -> str:
    """Return ``text`` with ``…`` for the file ``base`` wherever it speaks of a place inside."""
    return re.sub(rf"(?<![^\s(]){re.escape(base)}#", f"{CUT}#", text) if base else text
