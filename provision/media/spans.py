"""Stretches of a target: what is withheld from it until the end, and where its zeros are."""

from __future__ import annotations

from dataclasses import dataclass

from provision.media.spool import HEAD, Extent

#: Direct I/O takes nothing smaller, whatever the device's own blocks.
BLOCK = 4096
#: Where firmware looks to decide whether and how to boot: the boot sector and the partition table
#: (of 512-byte sectors), the table of 4096-byte sectors, the volume descriptors of an ISO 9660.
#: The end of the device, where the second copy of the table begins to be looked for, joins them.
DECIDING = (0, 4096, 32768)

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

    def spans(self) -> list[Span]:
        """Return head and tail, in that order."""
        both = ((0, self.head), (self.tail, self.size))
        return [(start, stop - start) for start, stop in both if start < stop]

    def deciding(self, end: int) -> list[Span]:
        """Return the blocks that decide on booting, as far as an image of ``end`` bytes reaches.

        In the order they are to be written: the last first, the boot sector last.
        """
        starts = sorted({*DECIDING, (self.size - 1) // BLOCK * BLOCK}, reverse=True)
        return [(start, min(BLOCK, end - start)) for start in starts if start < end]

    def body(self, end: int) -> list[Span]:
        """Return the rest of what is withheld, as far as an image of ``end`` bytes reaches."""
        found = []
        for start, length in self.spans():
            at, stop = start, min(start + length, end)
            for first, size in reversed(self.deciding(end)):
                if at <= first < stop:
                    found.append((at, first - at))
                    at = first + size
            found.append((at, stop - at))
        return [(start, length) for start, length in found if length > 0]

    def outside(self, span: Span) -> list[Span]:
        """Return the part of ``span`` that is not withheld, if any."""
        start, stop = max(span[0], self.head), min(span[0] + span[1], self.tail)
        return [(start, stop - start)] if start < stop else []

    def touches(self, extent: Extent) -> bool:
        """Whether some of ``extent`` is withheld."""
        whole = (extent.offset, extent.length)
        return self.outside(whole) != [whole]


def blank(spans: list[Span], extent: Extent, view: memoryview) -> None:
    """Zero in ``view``, the content of ``extent``, what lies within ``spans``."""
    for start, length in spans:
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
