"""Distribution packages: found, fetched into a cache, checked against the archive, unpacked.

Works as any user and installs nothing. What apt says about a package (its file, size and digest)
comes from the signed index of this machine's archive; a cached file counts only if it matches.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from provision.core.errors import Unreachable
from provision.core.events import Event, Observer, Phase
from provision.core.text import binary
from provision.media.build.errors import BuildFailed, PackageDamaged, PackageMissing
from provision.media.build.tools import run

ARCHITECTURE = "amd64"


@dataclass(frozen=True, kw_only=True)
class Package:
    """One binary package as the archive describes it, and where its file lies in the cache."""

    name: str
    version: str
    file: Path
    size: int
    sha256: str

    @property
    def built(self) -> int:
        """When the package was made (Unix time): the date its archive members carry."""
        with self.file.open("rb") as file:
            return int(file.read(36)[24:])  # "!<arch>\n", then a 16-byte name, then the date


def newest(pattern: str) -> str:
    """Return the package whose name matches ``pattern`` with the highest number in its group 1."""
    prefix = re.split(r"[\\(\[.*+?]", pattern.removeprefix("^"), maxsplit=1)[0]
    matches = [
        match
        for name in run(["apt-cache", "pkgnames", prefix]).split()
        if (match := re.fullmatch(pattern, name))
    ]
    if not matches:
        raise PackageMissing(f"looking for a package like {prefix}…: the archive has none")
    return max(matches, key=lambda match: int(match[1]))[0]


def describe(names: Sequence[str], cache: Path) -> list[Package]:
    """Ask apt which files the newest allowed versions of ``names`` are."""
    words = [f"{name}:{ARCHITECTURE}" for name in names]
    try:
        lines = run(["apt-get", "download", "--print-uris", "-qq", *words]).splitlines()
    except BuildFailed as error:
        raise PackageMissing(f"asking the archive for packages: {error}") from error
    found = {package.name: package for line in lines if (package := _parsed(line, cache))}
    missing = sorted(set(names) - set(found))
    if missing:
        raise PackageMissing(f"asking the archive for packages: no {', '.join(missing)}")
    return [found[name] for name in sorted(found)]


def _parsed(line: str, cache: Path) -> Package | None:
    """Read one line of ``--print-uris``: 'URI' FILE SIZE SHA256:DIGEST."""
    fields = shlex.split(line)
    if len(fields) < 4 or not fields[3].startswith("SHA256:"):
        return None
    file = fields[1]
    name, version, _architecture = unquote(file.removesuffix(".deb")).split("_")
    return Package(
        name=name,
        version=version,
        file=cache / Path(file).name,
        size=int(fields[2]),
        sha256=fields[3].removeprefix("SHA256:"),
    )


def fetch(packages: Sequence[Package], cache: Path, observer: Observer) -> None:
    """Fetch into ``cache`` what it does not hold yet; check every file against its digest."""
    cache.mkdir(parents=True, exist_ok=True)
    absent = [package for package in packages if not _intact(package)]
    if absent:
        total = sum(package.size for package in absent)
        message = f"fetching {len(absent)} packages, {binary(total)}"
        observer(Event(subject="packages", step="fetch", phase=Phase.START, message=message))
        _download(absent, cache)
    for package in absent:
        if not _intact(package):
            package.file.unlink(missing_ok=True)
            raise PackageDamaged(f"checking {package.file.name}: it is not what its archive says")


def _intact(package: Package) -> bool:
    try:
        with package.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256
    except FileNotFoundError:
        return False


def _download(packages: Iterable[Package], cache: Path) -> None:
    """Let apt fetch into a folder of its own; move each whole file into the cache."""
    words = [f"{package.name}:{ARCHITECTURE}={package.version}" for package in packages]
    with TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
        try:
            run(["apt-get", "download", "-qq", *words], cwd=Path(folder))
        except BuildFailed as error:
            raise Unreachable(
                f"fetching packages with apt-get: {error}",
                hint="Check the network and apt's sources; what was fetched before stays in the "
                f"cache {cache}.",
            ) from error
        for file in Path(folder).glob("*.deb"):
            file.replace(cache / file.name)


def unpack(packages: Iterable[Package], folder: Path) -> None:
    """Unpack the files of all ``packages`` into one ``folder``; their scripts are not run."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        run(["dpkg-deb", "--extract", package.file, folder])


def inside(root: Path, path: str) -> Path:
    """Return the file at ``path`` below ``root``, links followed as if ``root`` were ``/``."""
    here, rest = root, path.strip("/").split("/")
    for _ in range(64):
        if not rest:
            return here
        step, rest = rest[0], rest[1:]
        if step == "..":
            here = root if here == root else here.parent
            continue
        here = here / step
        if here.is_symlink():
            target = str(here.readlink())
            here = root if target.startswith("/") else here.parent
            rest = [*target.strip("/").split("/"), *rest]
        elif not here.exists():
            raise PackageMissing(f"looking for {path} in the packages: it is not there")
    raise PackageDamaged(f"looking for {path} in the packages: its links go in circles")
