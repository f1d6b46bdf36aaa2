"""Where facts come from: every name has its line."""

from __future__ import annotations

from hwprofiles.facts import CATALOGUE
from hwprofiles.origins import MEANS, ORIGINS


def test_every_fact_has_its_sources_in_the_order_of_the_catalogue() -> None:
    """`profile explain` can say of each fact what to record for it; none is there twice."""
    assert list(ORIGINS) == list(CATALOGUE)
    for name, sources in ORIGINS.items():
        assert len(set(sources)) == len(sources), name
        assert set(sources) <= set(MEANS), name
