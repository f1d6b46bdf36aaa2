"""Which digest counts, as people and tools write them down."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.core.errors import ImageError
from provision.media.authenticity import Digest, expected_digest, parse
from provision.media.errors import DigestMismatch, DigestMissing

ONE, TWO = "a" * 64, "b" * 64


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with nothing beside it."""
    path = tmp_path / "xen.img.xz"
    path.write_bytes(b"image")
    return path


def test_a_digest_is_required(image: Path) -> None:
    """No digest, no flash; unless said aloud."""
    with pytest.raises(DigestMissing):
        expected_digest(image)
    assert expected_digest(image, unverified=True) is None


def test_the_typed_digest_comes_first(image: Path) -> None:
    """What the user typed outranks what lies beside the image; nonsense is refused."""
    image.with_name("SHA256SUMS").write_text(f"{ONE}  xen.img.xz\n")
    assert expected_digest(image, TWO.upper()) == Digest(hex=TWO, source="--sha256")
    for wrong in ("", "abc", "g" * 64, ONE + "0"):
        with pytest.raises(DigestMissing):
            expected_digest(image, wrong)


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}  xen.img.xz\n",
        f"{ONE} *xen.img.xz\r\n",
        f"SHA256 (xen.img.xz) = {ONE}\n",
        f"# comment\n{TWO}  other.img\n{ONE.upper()}  ./xen.img.xz",
    ],
)
def test_both_formats_of_coreutils(image: Path, text: str) -> None:
    """Lists come with and without --tag, from Unix and from Windows."""
    image.with_name("SHA256SUMS").write_text(text, newline="")
    found = expected_digest(image)
    assert found is not None
    assert found.hex == ONE
    assert found.source.endswith("SHA256SUMS")


def test_a_file_of_its_own_may_omit_the_name(image: Path) -> None:
    """`<image>.sha256` may be the bare digest; with another's name in it, it is another's."""
    own = image.with_name("xen.img.xz.sha256")
    own.write_text(ONE + "\n")
    assert expected_digest(image) == Digest(hex=ONE, source=str(own))
    own.write_text(f"{ONE}  xen.img\n")
    with pytest.raises(DigestMissing):
        expected_digest(image)


def test_contradictions_are_refused(image: Path) -> None:
    """Two digests for one file: somebody is wrong, and it is not for us to say who."""
    sums = image.with_name("SHA256SUMS")
    sums.write_text(f"{ONE}  xen.img.xz\n{TWO}  xen.img.xz\n")
    with pytest.raises(DigestMissing, match="different"):
        expected_digest(image)
    sums.write_text(f"{ONE}  xen.img.xz\n")
    image.with_name("xen.img.xz.sha256").write_text(TWO)
    with pytest.raises(DigestMissing, match="disagree"):
        expected_digest(image)


def test_a_mismatch_names_both(image: Path) -> None:
    """The user has to see what was expected, by whom, and what was found."""
    with pytest.raises(DigestMismatch, match=f"{TWO}.*SUMS says {ONE}"):
        Digest(hex=ONE, source="SUMS").check(TWO, image)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs coreutils")
@pytest.mark.parametrize("options", [[], ["--tag"], ["--binary"]])
@pytest.mark.parametrize("name", ["a b.img", "back\\slash.img", "new\nline.img", "(x) = y"])
def test_what_sha256sum_prints_is_read(tmp_path: Path, options: list[str], name: str) -> None:
    """The real tool is the oracle, odd names included."""
    (tmp_path / name).write_bytes(b"content")
    ran = subprocess.run(
        ["sha256sum", *options, "--", name], cwd=tmp_path, capture_output=True, check=True
    )
    assert [entry for entry, _ in parse(ran.stdout.decode())] == [name]


@settings(deadline=None)
@given(st.text())
def test_no_list_breaks_the_reader(text: str) -> None:
    """Whatever lies beside the image: pairs, or nothing."""
    for _, digest in parse(text):
        assert len(digest) == 64


def test_a_malformed_digest_file_is_named(image: Path) -> None:
    """Who put it there should not be told to put it there."""
    image.with_name("xen.img.xz.sha256").write_text("not a digest\n")
    with pytest.raises(DigestMissing, match=r"xen\.img\.xz\.sha256 beside it"):
        expected_digest(image)


@pytest.mark.timeout(10)
def test_a_fifo_for_a_digest_file_is_refused(image: Path) -> None:
    """Nobody ever writes to it."""
    os.mkfifo(image.with_name("SHA256SUMS"))
    with pytest.raises(ImageError, match="not a regular file"):
        expected_digest(image)


def test_paths_are_clean_in_what_is_told(tmp_path: Path) -> None:
    """A file name may hold an escape sequence, or bytes that are no text."""
    image = tmp_path / "a\x1b[31m\udcff.img"
    with pytest.raises(DigestMissing) as caught:
        expected_digest(image)
    assert "\x1b" not in str(caught.value)
    str(caught.value).encode()
