"""The CSV matrix: a row for each machine, a column for each rule, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from provision import report
from tests.report import samples
from tests.report.samples import MEMORY, VIRTUALIZATION, fact, finding, unread, verdict


def rows(*documents: dict[str, Any]) -> list[dict[str, str]]:
    """The rows by the names of their columns; every row as wide as the head."""
    told = report.render("csv", documents)
    assert told.endswith("\r\n")
    assert "\n" not in told.replace("\r\n", "")
    table = list(csv.reader(io.StringIO(told), strict=True))
    head = table[0]
    assert len(head) == len(set(head))
    assert {len(row) for row in table} == {len(head)}
    return [dict(zip(head, row, strict=True)) for row in table[1:]]


def test_a_row_is_a_machine() -> None:
    """Identity, verdict, counts, and the outcome of each rule; an unread machine says why."""
    one, other = rows(verdict(*samples.FINDINGS), unread())
    assert (one["serial"], one["verdict"], one["fail"], one["pass"]) == (
        "8XJ0188",
        "FAIL",
        "1",
        "1",
    )
    assert (one["cpu.virt"], one["memory.population"], one["tpm"]) == ("fail", "waived", "info")
    assert (other["verdict"], other["cpu.virt"], other["serial"]) == ("ERROR", "", "")
    assert "no answer within 30 s" in other["error"]


def test_the_columns_do_not_depend_on_the_outcomes() -> None:
    """Reports of two days can be laid side by side."""
    heads = [list(rows(verdict(*order))[0]) for order in (samples.FINDINGS, samples.FINDINGS[::-1])]
    assert heads[0] == heads[1]
    assert heads[0][-3:] == ["memory.population", "memory.size", "tpm"]


def test_rules_of_one_name_do_not_hide_one_another() -> None:
    """Two profiles with one rule id, and a rule called like a column, get columns of their own."""
    twin = {**VIRTUALIZATION, "profile": "dell-r805", "outcome": "pass"}
    (row,) = rows(verdict(VIRTUALIZATION, twin, finding("serial", "pass"), MEMORY))
    assert (row["xen-4.17:cpu.virt"], row["dell-r805:cpu.virt"]) == ("fail", "pass")
    assert (row["serial"], row["xen-4.17:serial"]) == ("8XJ0188", "pass")
    assert "cpu.virt" not in row


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\uff1d", "\u202e="])
def test_no_cell_is_a_formula(start: str) -> None:
    """A model name that calls a program stays a model name."""
    evil = f'{start}cmd|"/c calc"!A1'
    (row,) = rows(verdict(MEMORY, target=evil, facts={"system.model": fact(evil)}))
    for cell in (row["target"], row["model"]):
        assert cell.startswith("'")
        assert "calc" in cell
