"""Errors: codes, statuses and remedies that scripts and people can rely on."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provision
from provision.core.errors import PRECEDENCE, Exit, ProvisionError, worst

# The catalogue is every class there is, wherever it stands.
for _module in pkgutil.walk_packages(provision.__path__, "provision."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)


def catalogue(kind: type[ProvisionError] = ProvisionError) -> Iterator[type[ProvisionError]]:
    """Every error class below ``kind``."""
    for child in kind.__subclasses__():
        yield child
        yield from catalogue(child)


@pytest.mark.parametrize("kind", list(dict.fromkeys(catalogue())))
def test_each_error_has_a_code_a_cause_and_a_status(kind: type[ProvisionError]) -> None:
    """The catalogue in the docs is made of these; none may be blank."""
    assert re.fullmatch(r"[a-z][a-z0-9-]+", kind.code)
    assert kind.__doc__
    assert kind.status in set(Exit) - {Exit.OK, Exit.USAGE}


def test_codes_are_unique() -> None:
    """A code names one cause; a class without one of its own shares its parent's."""
    codes = [kind.code for kind in set(catalogue()) if "code" in vars(kind)]
    assert len(codes) == len(set(codes))


@given(st.lists(st.sampled_from([0, *PRECEDENCE])))
def test_worst_is_the_first_of_the_precedence(statuses: list[int]) -> None:
    """Whatever the order of targets, the same failures give the same exit status."""
    expected = next((status for status in PRECEDENCE if status in statuses), 0)
    assert worst(statuses) == expected == worst(statuses[::-1])


def test_a_status_outside_the_precedence_is_not_lost() -> None:
    """A bug in one target must not turn into success."""
    assert worst([0, 1, 0]) == 1
