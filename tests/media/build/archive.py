"""A package archive in a folder, behind the names of apt's programs: no network, no real apt."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb here")

_APT_GET = """#!/bin/sh
# download [--print-uris] -qq NAME:ARCH[=VERSION]...
uris=
for word; do
    case $word in
    download | -qq) continue ;;
    --print-uris) uris=1; continue ;;
    esac
    name=${word%%:*}
    [ -e "@POOL@/$name.line" ] || { echo "E: Unable to locate package $name" >&2; exit 100; }
    if [ $uris ]; then
        cat "@POOL@/$name.line"
    else
        [ -e "@POOL@/offline" ] && { echo "E: Could not resolve deb.example" >&2; exit 100; }
        echo "$name" >>"@POOL@/downloads"
        cp "@POOL@/$name"_*.deb .
    fi
done
"""

_APT_CACHE = """#!/bin/sh
ls "@POOL@" | sed -n "s/^\\($2.*\\)\\.line$/\\1/p"
"""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The folder ``pool`` holds the packages; ``add`` makes one."""

    pool: Path

    def add(self, name: str, files: dict[str, str], version: str = "1.0-1") -> Path:
        """Make a package of ``files`` (path -> text) and put it into the archive."""
        tree = self.pool / f"{name}.tree"
        control = tree / "DEBIAN/control"
        control.parent.mkdir(parents=True)
        control.write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
            "Maintainer: Test <test@example.org>\nDescription: for a test\n"
        )
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        deb = self.pool / f"{name}_{version.replace(':', '%3a')}_amd64.deb"
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        line = f"'http://deb.example/{deb.name}' {deb.name} {deb.stat().st_size} SHA256:{digest}\n"
        (self.pool / f"{name}.line").write_text(line)
        return deb

    def downloads(self) -> list[str]:
        """Names of the packages fetched so far, in order."""
        log = self.pool / "downloads"
        return log.read_text().split() if log.exists() else []

    def go_offline(self) -> None:
        """From now on nothing can be fetched."""
        (self.pool / "offline").touch()


def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Return an empty archive that apt-get and apt-cache on PATH speak for."""
    pool, programs = folder / "pool", folder / "bin"
    pool.mkdir()
    programs.mkdir()
    for name, text in (("apt-get", _APT_GET), ("apt-cache", _APT_CACHE)):
        (programs / name).write_text(text.replace("@POOL@", str(pool)))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return Archive(pool=pool)
