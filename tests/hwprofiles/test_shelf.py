"""What is read of the shipped profiles without reading them whole is what they hold."""

from __future__ import annotations

import pytest

import hwprofiles
from hwprofiles import ProfileKind, loading, shelf
from hwprofiles.documents import read_document
from hwprofiles.facts import FactBook, Source


@pytest.mark.parametrize("kind", shelf.FOLDERS)
def test_names_are_those_that_are_not_abstract(kind: ProfileKind) -> None:
    """A profile one can choose is offered, and a base is not."""
    read = {path.stem: read_document(path).data for path in shelf.FOLDERS[kind].glob("*.yaml")}
    assert shelf.names(kind) == sorted(
        name for name, data in read.items() if not data.get("abstract")
    )
    assert all(data["id"] == name for name, data in read.items())
    for head in shelf.heads(kind):
        told = (head.title, head.verified.isoformat())
        assert told == (read[head.id]["title"], read[head.id]["verified"])


@pytest.mark.parametrize("name", shelf.names(ProfileKind.SERVER))
def test_a_match_is_that_of_the_whole_file(name: str) -> None:
    """Server models are known by the same check, whichever way their file is read."""
    assert shelf.matches()[name] == loading.load(name).match


def test_the_model_of_a_machine() -> None:
    """One that is listed is found; one that is not has no profile, and that is no error."""
    facts = FactBook()
    facts.learn("system.vendor", "Dell Inc.", Source.DMI, "x")
    assert hwprofiles.match(facts) is None
    facts.learn("system.model", "PowerEdge R805", Source.DMI, "x")
    found = hwprofiles.match(facts)
    assert found is not None
    assert found.id == "dell-poweredge-r805"
