"""Where the recordings lie. They are not part of the repository; without them these tests skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("BAREIRON_CORPUS", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def hardware() -> Path:
    """Recorded CPUs and boards."""
    return _folder("hardware")


@pytest.fixture(scope="session")
def redfish() -> Path:
    """Recorded Redfish trees."""
    return _folder("redfish")


def _folder(name: str) -> Path:
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"no recordings at {path}")
    return path
