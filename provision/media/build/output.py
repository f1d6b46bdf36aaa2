"""Where a build ends: one file and its digest, both whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.core.errors import ConfigError, Refused
from provision.media.build.errors import BuildFailed


def digest_file(output: Path) -> Path:
    """Return the file beside ``output`` that holds its digest, as ``sha256sum -c`` reads it."""
    return output.with_name(output.name + ".sha256")


def check(output: Path) -> None:
    """Refuse what is no place for a new file, before any work is done."""
    if output.exists() and not output.is_file():
        raise Refused(
            f"building {output}: that is not a file",
            hint="Build into a file, then `provision flash` it.",
        )
    if not output.absolute().parent.is_dir():
        raise ConfigError(
            f"building {output}: there is no folder {output.parent}",
            hint=f"mkdir -p {output.parent}",
        )


@contextmanager
def draft(output: Path) -> Iterator[Path]:
    """Give the name of a file beside ``output`` to write to; it is gone afterwards."""
    path = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        yield path
    except OSError as error:
        raise BuildFailed(
            f"building {output}: {error.strerror or error}",
            hint="Make room there and in the temporary folder (TMPDIR), and check that you may "
            "write to both.",
        ) from error
    finally:
        path.unlink(missing_ok=True)
        digest_file(path).unlink(missing_ok=True)


def publish(path: Path, output: Path) -> str:
    """Let the draft at ``path`` become ``output``, its digest beside it; return the digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    digest_file(path).write_text(f"{digest}  {output.name}\n", encoding="utf-8")
    path.replace(output)
    digest_file(path).replace(digest_file(output))
    return digest
