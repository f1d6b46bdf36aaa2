"""HTML, element by element: whatever is not markup already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit


class Markup(str):
    """Text that is HTML; only ``tag`` and ``join`` make it."""

    __slots__ = ()


Content = str | Iterable[str]

#: What stands for each outcome and verdict beside its word; colours alone tell nothing.
GLYPHS: Final[Mapping[str, str]] = {
    "fail": "✗",
    "error": "✗",
    "warn": "!",
    "unknown": "?",
    "info": "i",
    "waived": "~",
    "skip": "-",
    "pass": "✓",
}
_VOID: Final = ("meta", "br")


def join(*contents: Content) -> Markup:
    """Return ``contents`` one after the other; what is plain text is escaped."""
    parts: list[str] = []
    for content in contents:
        each = (content,) if isinstance(content, str) else content
        parts += (part if isinstance(part, Markup) else html.escape(part) for part in each)
    return Markup("".join(parts))


def tag(name: str, /, *contents: Content, **attributes: str) -> Markup:
    """Return an element; ``class_`` is its class, ``aria_label`` its aria-label, and so on."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value
    )
    if name in _VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(*contents)}</{name}>")


def badge(word: str) -> Markup:
    """Return an outcome or a verdict as a coloured word with its glyph."""
    kind = word.lower()
    glyph = tag("span", GLYPHS.get(kind, "?"), aria_hidden="true")
    return tag("span", glyph, f" {word.upper()}", class_=f"badge {kind}")


def link(where: str, text: str) -> Markup:
    """Return a link where ``where`` is an address on the web, and plain text where it is not."""
    if not is_web(where):
        return join(text)
    return tag("a", text, href=where, rel="noopener noreferrer external")


def is_web(where: str) -> bool:
    """Whether ``where`` is an http or https address; all else (javascript:, data:) is text."""
    try:
        parts = urlsplit(where)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def pairs(items: Iterable[tuple[str, Content]], class_: str = "") -> Markup:
    """Return a description list of the pairs that have something to tell."""
    told = [(label, join(content)) for label, content in items]
    rows = (tag("div", tag("dt", label), tag("dd", content)) for label, content in told if content)
    return tag("dl", rows, class_=class_)


def table(
    caption: str, heads: Iterable[str], rows: Iterable[Iterable[Content]], class_: str = ""
) -> Markup:
    """Return a table in a box that scrolls by itself; the first cell of each row is its head.

    Cells repeat the head of their column, for screens too narrow for a table.
    """
    names = list(heads)
    head = tag("tr", (tag("th", name, scope="col") for name in names))
    body = []
    for first, *others in rows:
        labelled = zip(names[1:], others, strict=True)
        cells = [tag("td", cell, data_label=name) for name, cell in labelled]
        body.append(tag("tr", tag("th", first, scope="row"), cells))
    return scrolling(
        caption,
        tag(
            "table", tag("caption", caption), tag("thead", head), tag("tbody", body), class_=class_
        ),
    )


def scrolling(name: str, content: Markup) -> Markup:
    """Return ``content`` in a box that a keyboard can scroll."""
    return tag("div", content, class_="scroll", role="group", aria_label=name, tabindex="0")
