"""The flash bench runs to its end and compares like with like; it never judges by the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.flash import measure
from tests.media.samples import MIB


@pytest.mark.bench
@pytest.mark.root
def test_the_bench_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way writes the whole image, each time; what is printed is a figure for each."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path))
    rows = measure(16 * MIB, 1, tmp_path)
    assert len(rows) == 6
    assert all(row.seconds[0] > 0 for row in rows)
