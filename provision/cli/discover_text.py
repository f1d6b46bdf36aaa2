"""How ``provision discover`` shows what it found: within 80 columns."""

from __future__ import annotations

from typing import Final

from provision.flow.discovery_found import Discovery, Found, State, in_words

_WIDTH: Final = 80
_LONGEST_NAME: Final = 20
#: What is unclear and told by name; the rest is told as a number.
_MOST_TOLD: Final = 8


def table(found: Discovery, *, long_: bool) -> str:
    """Return what was found and what is missing; with ``long_`` UUIDs and fingerprints, too."""
    lines = _lines(found, long_=long_)
    absent = [one for one in found.absent if one.state is State.MISSING]
    lines += [
        f"missing: {one.name or one.bmc}  {one.bmc}  does not answer"[:_WIDTH] for one in absent
    ]
    return "\n".join(lines)


def _lines(found: Discovery, *, long_: bool) -> list[str]:
    """Return one line a BMC, within 80 columns; remarks, and with ``long_`` the rest, below it."""
    if not found.found:
        return []
    head = ["BMC", "what it says it is", "platform", "Redfish"]
    body = [
        [_place(one), in_words(one.seen), one.seen.root.platform, _version(one)]
        for one in found.found
    ]
    if found.compared:
        head.insert(1, "server")
        for line, one in zip(body, found.found, strict=True):
            line.insert(1, one.server[:_LONGEST_NAME] or f"({one.state})")
    widths = [max(len(line[at]) for line in [head, *body]) for at in range(len(head))]
    flexible = head.index("what it says it is")
    over = sum(widths) + 2 * (len(widths) - 1) - _WIDTH
    widths[flexible] = max(12, widths[flexible] - max(0, over))
    lines = [_line(head, widths)]
    for cells, one in zip(body, found.found, strict=True):
        lines += [_line(cells, widths), *_below(one, long_=long_)]
    return lines


def _line(cells: list[str], widths: list[int]) -> str:
    short = [
        cell if len(cell) <= width else cell[: width - 1] + "…"
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(f"{cell:{width}}" for cell, width in zip(short, widths, strict=True)).rstrip()


def _place(one: Found) -> str:
    return one.seen.address.authority.removesuffix(":443")


def _version(one: Found) -> str:
    return one.seen.root.redfish_version[:10]


def _below(one: Found, *, long_: bool) -> list[str]:
    told = [f"! {remark}" for remark in one.remarks]
    name = one.server or one.candidate.name
    if long_:
        told.append(f"UUID     {one.seen.root.uuid or '(not told)'}")
        told += _fingerprint(one.seen.sha256)
        mac = one.candidate.mac
        told += [f"known as {' '.join(filter(None, (name, mac)))}"] if name or mac else []
    return [f"    {line}" for line in told]


def addresses(found: Discovery) -> str:
    """Return how many addresses were looked at."""
    return "1 address" if found.looked_at == 1 else f"{found.looked_at} addresses"


def afterwards(found: Discovery) -> list[str]:
    """Return what is told on standard error when all is done."""
    lines = [f"Note: {note}." for note in found.notes]
    for one in found.unclear[:_MOST_TOLD]:
        lines.append(f"{one.address.authority}: {one.why}")
    if len(found.unclear) > _MOST_TOLD:
        lines.append(f"… and {len(found.unclear) - _MOST_TOLD} more that are no BMC or do not say")
    unseen = sum(one.state is State.NOT_LOOKED_AT for one in found.absent)
    if unseen:
        lines.append(f"{unseen} servers of the file lie outside of what was looked at.")
    lines.append(
        f"{addresses(found)}: {len(found.found)} BMCs, {len(found.unclear)} unclear, "
        f"{found.silent} silent."
    )
    return lines


def _fingerprint(sha256: str) -> list[str]:
    """Return it in two lines, as it is too long for one."""
    half = len(sha256) // 2
    return [f"SHA-256  {sha256[: half + 1]}", f"         {sha256[half + 1 :]}"] if sha256 else []
