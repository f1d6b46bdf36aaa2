"""Writing our own files so that a reader, also after a crash, sees the old one or the new one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from provision.core.errors import ConfigError


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` to ``path``, whole or not at all, readable by its owner only."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        # A file name that is no UTF-8 holds lone surrogates; escaped, they are still JSON.
        _replace(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ConfigError(
            f"writing {path}: {error.strerror}",
            hint="Free some space, or choose another directory with --state-dir.",
        ) from error


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
