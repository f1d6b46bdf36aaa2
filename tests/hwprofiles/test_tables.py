"""Checks on tables: rows, counts and how memory modules stand in their slots."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.checks import Check, Truth
from hwprofiles.compiling import Compiler
from hwprofiles.documents import Document
from hwprofiles.facts import FactBook, Source
from hwprofiles.population import Layout, Population, slot_key

GIB = 1 << 30


def compiled(data: dict[str, Any]) -> Check:
    """A check from plain data."""
    compiler = Compiler(Document(file="x.yaml"), {})
    check = compiler.check(data, ())
    assert not compiler.problems, compiler.problems
    return check


def problems(data: dict[str, Any]) -> str:
    """What is wrong with a check."""
    compiler = Compiler(Document(file="x.yaml"), {})
    compiler.check(data, ())
    return "\n".join(problem.message for problem in compiler.problems)


def book(table: str, rows: list[dict[str, Any]], **more: Any) -> FactBook:
    """Facts with one table."""
    facts = FactBook()
    facts.learn(table, rows, Source.DMI, "/table")
    for name, value in more.items():
        facts.learn(name.replace("__", "."), value, Source.DMI, "/table")
    return facts


DIMMS = [
    {"slot": "A1", "size": 8 * GIB, "rank": 2},
    {"slot": "A2", "size": 0},
    {"slot": "B1", "size": 4 * GIB},
]


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({"any": {"size": {"ge": "8 GiB"}}}, True),
        ({"all": {"size": {"ge": "4 GiB"}}}, False),
        ({"none": {"size": {"gt": "8 GiB"}}}, True),
        ({"any": {"rank": 4}}, None),  # B1 does not tell
        ({"any": {"rank": 2}}, True),
        ({"all": {"rank": 2}}, None),
        ({"count": {"where": {"size": {"gt": "0 B"}}, "eq": 2}}, True),
        ({"count": 3}, True),
        ({"count": {"ge": 4}}, False),
        ({"count": {"where": {"rank": 2}, "ge": 1}}, True),
        ({"count": {"where": {"rank": 2}, "ge": 2}}, None),  # the other two do not tell
        ({"count": {"where": {"rank": 2}, "le": 3}}, True),
        ({"count": {"where": {"rank": 2}, "gt": 3}}, False),
        ({"any": {"any": [{"slot": "B1", "size": "4 GiB"}, {"slot": "C1"}]}}, True),
        ({"none": {"not": {"slot": {"matches": "^[AB]"}}}}, True),
    ],
)
def test_rows(asked: dict[str, Any], verdict: Truth) -> None:
    """Known rows decide what they can; the others leave a range."""
    assert compiled({"memory.dimms": asked}).judge(book("memory.dimms", DIMMS)) is verdict


@pytest.mark.parametrize("how", ["any", "all", "none"])
def test_no_table_is_not_known(how: str) -> None:
    """What no source listed is neither empty nor full."""
    assert compiled({"memory.dimms": {how: {"size": "8 GiB"}}}).judge({}) is None
    assert compiled({"memory.dimms": {"count": 0}}).judge({}) is None


def test_all_of_nothing_is_not_known() -> None:
    """A table without rows does not pass ``all``: nothing was looked at."""
    empty = book("storage.drives", [])
    assert compiled({"storage.drives": {"all": {"bus": "nvme"}}}).judge(empty) is None
    assert compiled({"storage.drives": {"count": {"ge": 1}}}).judge(empty) is False


def test_rows_in_words() -> None:
    """A person reads how many rows decided, and which."""
    facts = book("memory.dimms", DIMMS)
    check = compiled({"memory.dimms": {"all": {"size": {"ge": "8 GiB"}}}})
    assert check.words() == "all of memory.dimms with size at least 8 GiB"
    assert dict(check.found(facts)) == {"memory.dimms": "2 of 3 do not (A2, B1)"}
    count = compiled({"memory.dimms": {"count": {"where": {"size": {"gt": "0 B"}}, "ge": 4}}})
    assert count.words() == "at least 4 of memory.dimms with size more than 0 B"
    assert dict(count.found(facts)) == {"memory.dimms": "2 of 3 do (A1, B1)"}


def test_a_port_is_named_by_both_designators() -> None:
    """Some boards print the name a tech knows inside, some outside."""
    facts = book("ports.connectors", [{"internal": "J132", "external": "Internal USB key #1"}])
    check = compiled({"ports.connectors": {"any": {"external": {"matches": "USB"}}}})
    assert dict(check.found(facts)) == {
        "ports.connectors": "1 of 1 do (J132 / Internal USB key #1)"
    }


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"any": {"sise": "8 GiB"}}, "unknown column 'sise'; did you mean 'size'?"),
        ({"any": {"size": "8 Gbit/s"}}, "measures a bit rate; wanted is a size for size"),
        ({"any": {"size": 8}}, "a size wants a unit for size"),
        ({"some": {"size": "8 GiB"}}, "a table knows all, any, none, count, population, not"),
        ({"count": {"where": {"size": "8 GiB"}}}, "count wants a number"),
        ({"count": {"near": 4}}, "count knows where, eq, ne, lt, le, gt, ge, not 'near'"),
        ({"count": {"ge": "many"}}, "should be a whole number"),
        ({"population": True}, "no population block"),
        ({"all": ["x"]}, "should be a mapping of columns"),
        ({}, "ask it by"),
        ("8 GiB", "is a table: ask it by"),
    ],
)
def test_mistakes_are_told(asked: Any, told: str) -> None:
    """A wrong column, unit or word is found when the profile is read."""
    assert told in problems({"memory.dimms": asked})


@given(
    st.lists(st.sampled_from([2, 4, None]), max_size=6),
    st.sampled_from(["any", "all", "none"]),
    st.integers(0, 5),
)
def test_learning_a_cell_never_turns_a_verdict_round(
    ranks: list[int | None], how: str, at: int
) -> None:
    """Kleene's logic is monotone in every cell of a table."""
    rows = [{"slot": f"S{n}", "rank": rank} for n, rank in enumerate(ranks)]
    for asked in ({how: {"rank": 2}}, {"count": {"where": {"rank": 2}, "ge": 2}}):
        check = compiled({"memory.dimms": asked})
        before = check.judge(book("memory.dimms", rows))
        more = [row | ({"rank": 2} if n == at and row["rank"] is None else {}) for n, row in
                enumerate(rows)]  # fmt: skip
        assert before in (None, check.judge(book("memory.dimms", more)))


@pytest.mark.parametrize(
    "names",
    [
        ("DIMM_A1", "DIMM A1", "A1", "DIMM.Socket.A1", "dimm a01", "DIMMA1"),
        ("PROC 1 DIMM 1", "PROC  1 DIMM  1"),
        ("P1-DIMMA1", "P1_DIMMA1"),
    ],
)
def test_spellings_of_one_slot(names: tuple[str, ...]) -> None:
    """Boards, BMCs and manuals spell one slot in many ways."""
    assert len({slot_key(name) for name in names}) == 1


def test_slots_stay_apart() -> None:
    """What is left of a name still tells slots apart."""
    names = ["A1", "A11", "B1", "PROC 1 DIMM 1", "PROC 11 DIMM 1", "PROC 1 DIMM 11"]
    assert len({slot_key(name) for name in names}) == len(names)


LAYOUT = Layout(
    slots={"CPU1": ("A1", "A2", "A3", "A4"), "CPU2": ("B1", "B2", "B3", "B4")},
    fill=((1, 2), (3, 4)),
    same=("size",),
    balanced=True,
)


def modules(**sizes: int) -> list[dict[str, Any]]:
    """Modules by slot, in GiB; the other slots of the layout are empty."""
    names = [name for slots in LAYOUT.slots.values() for name in slots]
    return [{"slot": f"DIMM_{name}", "size": sizes.get(name, 0) * GIB} for name in names]


@pytest.mark.parametrize(
    ("sizes", "verdict", "found", "advice"),
    [
        ({"A1": 8, "A2": 8, "B1": 8, "B2": 8}, True, "4 filled (A1, A2, B1, B2)", ""),
        (
            {"A1": 8, "A3": 8, "B1": 8, "B2": 8},
            False,
            "A1 filled, but A2 empty",
            "CPU1: move the module from A3 to A2.",
        ),
        (
            {"A3": 8, "A4": 8, "B1": 8, "B2": 8},
            False,
            "A3, A4 filled before A1, A2",
            "CPU1: move the module from A3 to A1, from A4 to A2.",
        ),
        (
            {"A1": 8, "A2": 8, "A3": 8, "B1": 8, "B2": 8},
            False,
            "A3 filled, but A4 empty",
            "CPU1: 3 modules do not fill whole groups; add 1, so that A1, A2, A3, A4 are full.",
        ),
        ({"A1": 8, "A2": 4, "B1": 8, "B2": 8}, False, "size differs within a group", ""),
        (
            {"A1": 8, "A2": 8, "A3": 8, "A4": 8, "B1": 8, "B2": 8},
            False,
            "CPU1 has A1, A2, A3, A4 filled, CPU2 B1, B2",
            "",
        ),
        ({"A1": 8, "A2": 8}, False, "2 CPUs, but no module at CPU2", ""),
    ],
)
def test_population(sizes: dict[str, int], verdict: Truth, found: str, advice: str) -> None:
    """What stands wrong is named by slot, and what to move where."""
    facts = book("memory.dimms", modules(**sizes), cpu__sockets_populated=2)
    check = Population(layout=LAYOUT)
    assert check.judge(facts) is verdict
    assert found in dict(check.found(facts))["memory.dimms"]
    assert advice in " ".join(check.advice(facts))


def test_population_not_known() -> None:
    """Slots that nobody told of, foreign names and an unknown number of CPUs leave it open."""
    check = Population(layout=LAYOUT)
    assert check.judge({}) is None
    assert check.judge(book("memory.dimms", [{"slot": "X9", "size": GIB}])) is None
    assert check.judge(book("memory.dimms", modules())) is None  # no module at all: not believed
    strange = [{"slot": "DIMM_C1", "size": GIB}]
    told = [row for row in modules(A1=8, A2=8, B1=8, B2=8) if row["slot"] != "DIMM_B4"]
    assert check.judge(book("memory.dimms", told + strange)) is None
    assert check.judge(book("memory.dimms", modules(A1=8, A2=8))) is None
    one = book("memory.dimms", modules(A1=8, A2=8), cpu__sockets_populated=1)
    assert check.judge(one) is True


def test_phantom_slots_do_not_count() -> None:
    """A board that lists slots it does not have is judged by those it has."""
    rows = [*modules(A1=8, A2=8, B1=8, B2=8), {"slot": "Board 1 DIMM 9", "size": 8 * GIB}]
    assert Population(layout=LAYOUT).judge(book("memory.dimms", rows, cpu__sockets_populated=2))


def test_repeated_locators_are_told_apart_by_their_bank() -> None:
    """Memory cards repeat DIMM1 … DIMM8: then the bank is part of the slot's name."""
    layout = Layout(
        slots={"card 1": ("Card 1/DIMM1", "Card 1/DIMM2"), "card 2": ("Card 2/DIMM1",)},
        fill=((1,),),
    )
    rows = [
        {"slot": "DIMM1", "bank": "Card 1", "size": 0},
        {"slot": "DIMM2", "bank": "Card 1", "size": GIB},
        {"slot": "DIMM1", "bank": "Card 2", "size": GIB},
    ]
    banks = dict(Population(layout=layout).found(book("memory.dimms", rows)))
    assert banks["memory.dimms"] == "2 filled (Card 1/DIMM2, Card 2/DIMM1)"


def test_a_list_without_empty_slots() -> None:
    """Some BMCs list modules only: a slot of the model that is not among them is empty."""
    told = [row for row in modules(A1=8, A3=8, B1=8, B2=8) if row["size"]]
    facts = book("memory.dimms", told, cpu__sockets_populated=2)
    check = Population(layout=LAYOUT)
    assert check.judge(facts) is False
    assert list(check.advice(facts)) == ["CPU1: move the module from A3 to A2."]


def test_places_by_number() -> None:
    """Where a manual lists the slots for each number of modules, those are asked for."""
    layout = Layout(slots={"CPU1": ("A1", "A2", "A3")}, counts=((1,), (1, 3)))
    check = Population(layout=layout)
    good, bad, three = (
        book("memory.dimms", [{"slot": slot, "size": GIB} for slot in slots])
        for slots in (("A1", "A3"), ("A1", "A2"), ("A1", "A2", "A3"))
    )
    assert (check.judge(good), check.judge(bad), check.judge(three)) == (True, False, False)
    assert list(check.advice(bad)) == ["CPU1: move the module from A2 to A3."]
    assert dict(check.found(three))["memory.dimms"] == "3 modules at CPU1, which takes 1, 2"


def test_alike_without_groups() -> None:
    """Without groups, all modules of a CPU are compared with one another."""
    layout = Layout(slots={"CPU1": ("A1", "A2")}, same=("size",))
    rows = [{"slot": "A1", "size": GIB}, {"slot": "A2", "size": 2 * GIB}]
    assert Population(layout=layout).judge(book("memory.dimms", rows)) is False


def test_a_slot_that_is_told_twice_is_not_known() -> None:
    """Two modules in one slot: whichever comes first, what stands there nobody can tell."""
    rows = modules(A1=8, A2=8, B1=8, B2=8)
    again: dict[str, Any] = {"slot": "A1", "size": 0}
    for told in ([*rows, again], [again, *rows]):
        facts = book("memory.dimms", told, cpu__sockets_populated=2)
        assert Population(layout=LAYOUT).judge(facts) is None
    facts = book("memory.dimms", [*rows, rows[0]], cpu__sockets_populated=2)
    assert Population(layout=LAYOUT).judge(facts) is True  # told twice, and the same
