"""Profiles from files: inheritance by rule id, parameters, and every problem at its place."""

from __future__ import annotations

from pathlib import Path

from hwprofiles.documents import read_document
from hwprofiles.validation import M, validate


def read_yaml(path: Path, model: type[M]) -> M:
    """Read the YAML file ``path`` as ``model``; raise ``DocumentError`` with all its problems."""
    return validate(read_document(path), model)
