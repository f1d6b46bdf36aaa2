"""Which digest an image has to have, and who said so.

A digest is always of the file *as it lies*, packed or not: that is what SHA256SUMS files list, and
what `sha256sum FILE` prints.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from provision.core.errors import ImageError
from provision.core.text import clean
from provision.media.errors import DigestMismatch, DigestMissing

_HEX = re.compile(r"[0-9a-fA-F]{64}")
#: `sha256sum`: a digest, a blank, a blank or an asterisk, the name; a backslash before it all
#: says that the name is escaped.
_GNU = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
#: `sha256sum --tag`, and BSD.
_TAGGED = re.compile(r"(\\?)SHA256 \((.+)\) = ([0-9a-fA-F]{64})")
_LIST_LIMIT = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Digest:
    """The sha256 a file has to have, and where that is written."""

    hex: str
    source: str
    algorithm: str = "sha256"

    def check(self, found: str, subject: Path) -> None:
        """Raise unless ``found`` is this digest."""
        if found != self.hex:
            raise DigestMismatch(
                f"checking the image {clean(subject)}: its sha256 is {found}, "
                f"but {clean(self.source)} says {self.hex}"
            )


def expected_digest(
    path: Path, sha256: str | None = None, *, unverified: bool = False
) -> Digest | None:
    """Return the digest the file at ``path`` must have; None only when told ``unverified``.

    What the user typed comes first, then ``<image>.sha256`` and ``SHA256SUMS`` beside the image.
    """
    if sha256 is not None:
        if not _HEX.fullmatch(sha256.strip()):
            raise DigestMissing(
                f"reading --sha256: {clean(sha256, 80)!r} is not a sha256",
                hint="A sha256 is 64 hexadecimal digits; `sha256sum FILE` prints it.",
            )
        return Digest(hex=sha256.strip().lower(), source="--sha256")
    if unverified:
        return None
    found = [
        digest
        for listing in _listings(path)
        if (digest := _listed(listing, path.name, alone=listing.suffix == ".sha256"))
    ]
    if not found:
        raise _missing(path)
    if len({digest.hex for digest in found}) > 1:
        sources = " and ".join(digest.source for digest in found)
        raise DigestMissing(
            f"checking the image {clean(path)}: {clean(sources)} disagree",
            hint="Find out which is right and give it with --sha256.",
        )
    return found[0]


def _listings(path: Path) -> tuple[Path, ...]:
    return path.with_name(path.name + ".sha256"), path.with_name("SHA256SUMS")


def _missing(path: Path) -> DigestMissing:
    doing = f"checking the image {clean(path)}"
    there = [clean(listing.name) for listing in _listings(path) if listing.exists()]
    if not there:
        return DigestMissing(f"{doing}: nothing says what its sha256 should be")
    return DigestMissing(
        f"{doing}: {' and '.join(there)} beside it holds no sha256 of this name",
        hint="A line is 64 hexadecimal digits, two blanks, and the image's name, as `sha256sum` "
        "prints it. Mend it, or give --sha256 HEX.",
    )


def _listed(listing: Path, name: str, *, alone: bool) -> Digest | None:
    """Return the digest that ``listing`` has for ``name``; a file of its own may omit the name."""
    try:
        raw = _read(listing)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImageError(
            f"reading the digests in {clean(listing)}: {error.strerror}",
            hint="Give the digest with --sha256 instead.",
        ) from error
    if len(raw) > _LIST_LIMIT:
        raise DigestMissing(
            f"reading the digests in {clean(listing)}: it is too large to be a list"
        )
    text = raw.decode("utf-8", "surrogateescape")
    found = {digest for entry, digest in parse(text) if entry == name}
    if alone and not found and _HEX.fullmatch(text.strip()):
        found = {text.strip().lower()}
    if len(found) > 1:
        raise DigestMissing(
            f"reading the digests in {clean(listing)}: it lists {clean(name)} with different ones",
            hint="Find out which is right and give it with --sha256.",
        )
    return Digest(hex=found.pop(), source=str(listing)) if found else None


def _read(listing: Path) -> bytes:
    # O_NONBLOCK: a FIFO must not keep us waiting for somebody to write to it.
    fd = os.open(listing, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ImageError(
                f"reading the digests in {clean(listing)}: it is not a regular file",
                hint="Give the digest with --sha256 instead.",
            )
        return file.read(_LIST_LIMIT + 1)


def parse(text: str) -> list[tuple[str, str]]:
    """Return the (name, digest) pairs of a list as `sha256sum` writes it, with or without --tag."""
    pairs = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if match := _GNU.fullmatch(line):
            escaped, digest, name = match.groups()
        elif match := _TAGGED.fullmatch(line):
            escaped, name, digest = match.groups()
        else:
            continue
        name = _unescape(name) if escaped else name
        pairs.append((name.removeprefix("./"), digest.lower()))
    return pairs


def _unescape(name: str) -> str:
    kinds = {"n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: kinds.get(match[1], match[0]), name)
