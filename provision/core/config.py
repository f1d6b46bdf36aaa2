"""Where our own files live."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from provision.core.errors import ConfigError


def state_dir() -> Path:
    """Return (and make) the directory of pins, databases and records.

    ``PROVISION_STATE_DIR`` chooses another one, as ``--state-dir`` does; it is private to its user.
    """
    chosen = os.environ.get("PROVISION_STATE_DIR")
    path = Path(chosen) if chosen else platformdirs.user_state_path("provision")
    return private_dir(path)


def private_dir(path: Path) -> Path:
    """Make ``path`` with its parents, readable by its owner only; return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"creating the directory {path}: {error.strerror}",
            hint="Choose another one with PROVISION_STATE_DIR or --state-dir.",
        ) from error
    return path
