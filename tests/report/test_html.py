"""The HTML page: whole by itself, well formed, linked right, and readable for everybody."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from provision import report
from provision.report.style import CSS
from tests.report import samples
from tests.report.samples import MEMORY, VIRTUALIZATION, finding, unread, verdict

VOID = {"meta", "br"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "main", "footer"),
    *("section", "article", "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "div"),
    *("span", "strong", "b", "code", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary"),
}


class Page(HTMLParser):
    """A page as elements; every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        assert text.startswith("<!DOCTYPE html>\n")
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        assert tag in ALLOWED
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text that is shown."""
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def page(*documents: dict[str, Any]) -> Page:
    """The page about machines, after what holds of every page was checked."""
    text = report.render("html", documents)
    made = Page(text)
    names = {attributes["id"] for _, attributes in made.elements if "id" in attributes}
    ids = [attributes["id"] for _, attributes in made.elements if "id" in attributes]
    assert len(ids) == len(names)
    for attributes in made.all("a"):
        where = attributes["href"]
        assert where[1:] in names if where.startswith("#") else re.match(r"https?://", where)
    assert not re.search(r"url\(|@import|expression\(|image-set", CSS)
    assert not [True for _, each in made.elements if any(name.startswith("on") for name in each)]
    assert not [True for _, each in made.elements if {"src", "srcset", "style"} & set(each)]
    return made


@pytest.mark.parametrize(
    "documents",
    [
        [verdict(*samples.FINDINGS)],
        [verdict(MEMORY)],
        [verdict()],
        [unread()],
        [],
        [unread(), unread()],
        samples.rack(),
    ],
    ids=["one", "passed", "no rule", "unread", "none", "all unread", "rack"],
)
def test_every_page_is_whole_and_accessible(documents: list[dict[str, Any]]) -> None:
    """One file, no scripts, a language, landmarks, heads of columns and rows, one h1."""
    made = page(*documents)
    assert made.all("html") == [{"lang": "en"}]
    for tag in ("header", "main", "footer", "h1", "title"):
        assert len(made.all(tag)) == 1, tag
    assert all(each.get("scope") in ("col", "row") for each in made.all("th"))
    assert len(made.all("caption")) == len(made.all("table"))
    scrolling = [each for _, each in made.elements if each.get("class") == "scroll"]
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in scrolling)
    policy = next(each for each in made.all("meta") if "http-equiv" in each)
    assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    levels = [int(name[1]) for name, _ in made.elements if re.fullmatch(r"h\d", name)]
    assert levels[0] == 1
    steps = pairwise(levels)
    assert all(after - before <= 1 for before, after in steps), levels


def test_one_machine_tells_what_to_do_first() -> None:
    """The verdict on top, the remedy above the evidence, then the rest, then who made it."""
    document = verdict(*samples.FINDINGS)
    text = "".join(page(document).text)
    parts = [
        "FAIL",
        "This machine does not suit Xen 4.17.",
        "8XJ0188",
        "Turn on virtualization",
        "set ProcVirtualization to Enabled",
        "but enabled, says /proc/cpuinfo",
        "spare part under way (by A. Miller, until 2027-01-31)",
        "What was met",
        "memory.dimms: the memory slots",
        "Signature",
        "Made by",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "this rule has no sure source" in text
    assert "empty" in text


def test_the_page_names_the_json_it_was_made_from() -> None:
    """Somebody who holds both can show that they belong together."""
    documents = [verdict(*samples.FINDINGS)]
    digest = hashlib.sha256(report.render("json", documents).encode()).hexdigest()
    assert digest in "".join(page(*documents).text)


def test_only_addresses_on_the_web_are_links() -> None:
    """A profile from anywhere cannot make a report run or fetch anything."""
    wheres = ["javascript:alert(1)", "data:text/html,x", "leaf 80000001h", "http://[", "https://"]
    found = [
        finding(f"r{at}", "fail", source={"title": "T", "where": where})
        for at, where in enumerate(wheres)
    ]
    made = page(verdict(*found, VIRTUALIZATION))
    links = {each["href"] for each in made.all("a") if not each["href"].startswith("#")}
    assert links == {"https://xenbits.xen.org/docs/"}
    assert "T, javascript:alert(1)" in "".join(made.text)


def test_without_a_serial_number_the_page_says_so() -> None:
    """No blank where somebody looks for the number of the unit."""
    text = "".join(page(verdict(MEMORY, facts={})).text)
    assert "Serial numbernot told" in text


def test_a_rack_is_a_matrix_with_a_sheet_for_each() -> None:
    """Every machine has a row that leads to its section; cells lead to the finding."""
    made = page(*samples.rack())
    sections = [each["id"] for each in made.all("section") if each.get("class") == "machine"]
    assert len(sections) == 40
    links = [each["href"] for each in made.all("a")]
    assert {f"#{name}" for name in sections} <= set(links)
    assert links.count("#m0f0") == 1
    text = "".join(made.text)
    assert "Met, or not applicable, everywhere: memory.size." in text
    assert text.index("cpu.virt") < text.index("boot.media"), "what failed stands first"


def test_recordings_are_rows_narrow_enough_for_the_rules() -> None:
    """The matrix calls them shortly, and is silent of serial numbers when none is known.

    Many rules stand as glyphs, with their words for who cannot see; the section tells the path.
    """
    rules = [finding(f"r{n:02}", "fail") for n in range(11)]
    documents = samples.recordings(3, *rules)
    made = page(*documents)
    text = "".join(made.text)
    matrix, _, rest = text.partition("What to do, by cause")
    assert "Maker 0/Model of a…/000000000000" in matrix
    assert "Serial number" not in matrix
    assert "/srv/recorded" not in matrix
    assert "\N{BALLOT X}fail" in matrix
    assert "\N{BALLOT X} fail, ! warn" in matrix
    assert documents[0]["target"] in rest


def test_what_is_open_says_how_to_learn_it() -> None:
    """On the card, where the remedy would stand; a server without a profile can get one."""
    for documents in ([verdict(samples.NX, samples.ENDURANCE, server=None)], samples.recordings()):
        text = "".join(page(*documents).text)
        assert f"Look: {samples.LOOK}" in text
        assert "Mend" not in text
    text = "".join(page(verdict(MEMORY, server=None)).text)
    assert "provision profile new FILE --kind server --from RECORDING" in text


def test_one_file_is_named_once() -> None:
    """Beside the facts and the evidence stands only the place inside of it."""
    path = "/srv/recorded/racks/r12/dmidecode.txt"
    known = {"memory.total": samples.fact(64 << 30, f"{path}#5")}
    state = finding("a", "fail", evidence={"cpu.nx": samples.fact(False, f"{path}#4")})
    text = "".join(page(verdict(state, target=path, facts=known)).text)
    assert f"…stands for {path}" in text
    assert "read from …#4" in text
    assert f"{path}#" not in text


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_has_contrast_in_light_dark_and_print() -> None:
    """4.5 to 1 at least, as WCAG 2.2 AA asks: on the page, on cards, and inside badges."""
    schemes = [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    ]
    assert len(schemes) == 3
    for scheme in schemes:
        for name in ("text", "soft", "link", "fail", "warn", "unknown", "info", "pass", "skip"):
            for ground in ("ground", "raised"):
                assert _contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground, scheme)
        for name in ("fail", "warn", "unknown", "info", "pass"):
            assert _contrast(scheme[name], scheme["on"]) >= 4.5, (name, scheme)
