"""Stretches of a target: what is withheld from it until the end, and where its zeros are."""

from __future__ import annotations

from dataclasses import dataclass

from provision.media.spool import HEAD, Extent

#: A stretch: where it starts, and how long it is.
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """The head and the tail of a target, written last.

    The head holds the boot sector and the partition table, the tail the second copy of the table,
    from which UEFI firmware boots when the first is missing.
    """

    head: int
    tail: int
    size: int

    @classmethod
    def of(cls, size: int) -> Withheld:
        """Return what is withheld from a target of ``size`` bytes."""
        head = min(HEAD, size)
        return cls(head=head, tail=max(head, size - HEAD), size=size)

    def spans(self, end: int | None = None) -> list[Span]:
        """Return tail and head, in that order, as far as an image of ``end`` bytes reaches."""
        end = self.size if end is None else end
        both = ((self.tail, self.size), (0, self.head))
        return [(start, min(stop, end) - start) for start, stop in both if start < min(stop, end)]

    def outside(self, span: Span) -> list[Span]:
        """Return the part of ``span`` that is not withheld, if any."""
        start, stop = max(span[0], self.head), min(span[0] + span[1], self.tail)
        return [(start, stop - start)] if start < stop else []

    def touches(self, extent: Extent) -> bool:
        """Whether some of ``extent`` is withheld."""
        whole = (extent.offset, extent.length)
        return self.outside(whole) != [whole]

    def blank(self, extent: Extent, view: memoryview) -> None:
        """Zero in ``view``, the content of ``extent``, what is withheld."""
        for start, length in self.spans():
            first = max(start - extent.offset, 0)
            last = min(start + length - extent.offset, extent.length)
            if first < last:
                view[first:last] = bytes(last - first)


def first_difference(one: memoryview, other: memoryview) -> int | None:
    """Return where two stretches of equal length first differ; None if nowhere."""
    if one.tobytes() == other.tobytes():
        return None
    low, high = 0, len(one)
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle].tobytes() == other[low:middle].tobytes():
            low = middle
        else:
            high = middle
    return low


def first_gap(extent: Extent) -> Span | None:
    """Return the first stretch of zeros in ``extent``."""
    at = extent.offset
    for start, length in extent.runs:
        if start > at:
            return at, start - at
        at = start + length
    end = extent.offset + extent.length
    return (at, end - at) if at < end else None


def up(count: int, block: int) -> int:
    """Return ``count`` rounded up to whole blocks."""
    return -(-count // block) * block
