"""The foreign programs a build runs: looked for first, without a shell, in a fixed environment."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from provision.core.errors import MissingTool
from provision.core.text import clean
from provision.media.build.errors import BuildFailed

log = logging.getLogger(__name__)

#: Program -> the Debian package that holds it.
PACKAGES: Mapping[str, str] = {
    "apt-get": "apt",
    "apt-cache": "apt",
    "dpkg-deb": "dpkg",
    "grub-mkimage": "grub-common",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mmd": "mtools",
    "xorriso": "xorriso",
}


#: Searched after PATH, which for a plain user often lacks them; mkfs.vfat lives there.
SBIN: tuple[str, ...] = ("/usr/sbin", "/sbin")


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN))


def require(programs: Iterable[str]) -> None:
    """Raise one ``MissingTool`` that names every program of ``programs`` that is not installed."""
    missing = [program for program in programs if not shutil.which(program, path=_path())]
    if not missing:
        return
    packages = sorted({PACKAGES[program] for program in missing})
    raise MissingTool(
        f"looking for the tools of the image build: {', '.join(missing)} not found",
        hint=f"apt-get install {' '.join(packages)}",
    )


def run(command: list[str | Path], *, epoch: int = 0, cwd: Path | None = None) -> str:
    """Run ``command`` and return its standard output; failing is a ``BuildFailed``.

    Time zone, language and clock are fixed, so that they leave no trace in what is built.
    """
    words = [str(word) for word in command]
    log.info("running %s", " ".join(words))
    environment = {
        **os.environ,
        "PATH": _path(),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(epoch),
        "MTOOLSRC": os.devnull,
        "MTOOLS_SKIP_CHECK": "1",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        cwd=cwd,
        check=False,
    )
    if done.returncode:
        said = clean(done.stderr.strip() or done.stdout.strip(), limit=600)
        raise BuildFailed(f"running {words[0]}: exit status {done.returncode}: {said}")
    return done.stdout
