"""Which part of a machine is which part of another, or of the same one later."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from provision.flow.fleet_parts import Cell, Part


def pairs(
    before: Sequence[Part], after: Sequence[Part], *, same: bool
) -> Iterator[tuple[Part | None, Part | None]]:
    """Yield what stands in the same place; where places do not last, what is most alike.

    ``same`` tells whether both are of one machine, so that its very parts may be met again. What
    has no counterpart is yielded alone.
    """
    left = {part.key: part for part in after if part.lasting}
    for part in before:
        if part.lasting:
            yield part, left.pop(part.key, None)
    yield from ((None, part) for part in left.values())
    loose = [part for part in before if not part.lasting]
    others = [part for part in after if not part.lasting]
    for alike in _ALIKE[0 if same else 1 :]:
        met, loose, others = _match(loose, others, alike)
        yield from met
    yield from zip_longest(sorted(loose, key=_content), sorted(others, key=_content))


def _match(
    before: Iterable[Part], after: Iterable[Part], alike: Callable[[Part], Hashable]
) -> tuple[list[tuple[Part, Part]], list[Part], list[Part]]:
    """Return the pairs that are alike, and what is left on either side."""
    waiting: dict[Hashable, deque[Part]] = defaultdict(deque)
    for part in after:
        waiting[alike(part)].append(part)
    met, left = [], []
    for part in before:
        key = alike(part)
        if key is not None and waiting.get(key):
            met.append((part, waiting[key].popleft()))
        else:
            left.append(part)
    return met, left, [part for parts in waiting.values() for part in parts]


def _content(part: Part) -> tuple[tuple[str, Cell], ...]:
    return part.content


#: By what parts whose places do not last are known again, the surest first.
_ALIKE: Final[tuple[Callable[[Part], Hashable], ...]] = (
    lambda part: part.identity or None,
    lambda part: (part.key, part.content),
    _content,
)
