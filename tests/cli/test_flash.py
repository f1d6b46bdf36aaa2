"""`provision flash` as people and scripts use it: what it prints, and its exit statuses."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media.samples import MIB, content, packed, stick
from tests.media.writing import bootable


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A packed image with its digest beside it."""
    path = tmp_path / "xen.img.xz"
    path.write_bytes(packed(content(3 * MIB), "xz"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "xen.img.xz.sha256").write_text(f"{digest}  xen.img.xz\n")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A stick with something on it."""
    return stick(tmp_path / "stick.img", 4 * MIB, fill=b"mine")


def provision(folder: Path, *words: object, stdin: int | None = None) -> tuple[int, str, str]:
    """Run the command; return its status and both streams."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "provision", "--state-dir", str(folder / "state"), "flash"),
            *(str(word) for word in words),
        ],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout, ran.stderr


def test_the_main_use(tmp_path: Path, image: Path, target: Path) -> None:
    """Says what it will do on standard error, and the verdict on standard output."""
    status, out, err = provision(tmp_path, image, target, "--allow-file", "--yes")
    assert (status, err.count("LOST")) == (0, 1)
    assert "PASS" in out
    assert "read back equal" in out
    assert "now: unknown data" in err
    assert "\x1b" not in err  # no terminal, no escape sequences
    assert target.read_bytes()[: 3 * MIB] == content(3 * MIB)


def test_json_is_all_there_is_on_standard_output(tmp_path: Path, image: Path, target: Path) -> None:
    """A script reads it, failures included."""
    flags = ("--allow-file", "--yes", "--output", "json")
    status, out, _ = provision(tmp_path, image, target, *flags)
    document = json.loads(out)
    assert (status, document["exit_status"]) == (0, 0)
    assert document["records"][0]["result"] == "pass"
    assert Path(document["records"][0]["record"]).is_file()
    status, out, err = provision(tmp_path, image, target, *flags, "--sha256", "0" * 64)
    document = json.loads(out)
    assert (status, document["exit_status"]) == (9, 9)
    assert document["records"][0]["error"]["code"] == "digest-mismatch"
    assert "[digest-mismatch]" in err
    assert not bootable(target)


def test_exit_statuses_and_remedies(tmp_path: Path, image: Path, target: Path) -> None:
    """Each refusal has its status, its code, and something to do about it."""
    lone = tmp_path / "lone"
    lone.write_bytes(content(MIB))
    small = stick(tmp_path / "small", MIB)
    cut = tmp_path / "cut.xz"
    cut.write_bytes(image.read_bytes()[:-5000])
    for words, expected, code in (
        ((image, target, "--yes"), 6, "target-missing"),
        ((image, target, "--allow-file"), 6, "not-confirmed"),
        ((image, small, "--allow-file", "--yes"), 6, "target-too-small"),
        ((image, tmp_path / "nope", "--yes"), 6, "target-missing"),
        ((lone, target, "--allow-file", "--yes"), 9, "digest-missing"),
        ((tmp_path / "none", target, "--yes"), 9, "image"),
        ((cut, target, "--allow-file", "--yes", "--unverified"), 9, "image-damaged"),
    ):
        status, out, err = provision(tmp_path, *words)
        assert (status, f"[{code}]" in err, "→" in err) == (expected, True, True), (words, err)
        assert "PASS" not in out
    assert provision(tmp_path, image)[0] == 2
    assert provision(tmp_path, image, target, "--unverified", "--sha256", "0" * 64)[0] == 2


@pytest.mark.parametrize(("answer", "expected"), [(b"1\n", 0), (b"yes\n", 0), (b"\n", 6)])
def test_the_question_defaults_to_no(
    tmp_path: Path, image: Path, target: Path, answer: bytes, expected: int
) -> None:
    """Only the count or yes goes on; Enter alone stops."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        status, _, err = provision(tmp_path, image, target, "--allow-file", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert status == expected
    assert "Type 1 or yes" in err
    assert (target.read_bytes()[:4] == b"mine") is (expected == 6)


@pytest.mark.parametrize("digest", [True, False])
def test_whoever_stops_reading_changes_no_status(
    tmp_path: Path, image: Path, target: Path, digest: bool
) -> None:
    """`provision flash … | head -0`, and a log that went away: the flash goes on, and counts."""
    words = (image, target, "--allow-file", "--yes", *(() if digest else ("--sha256", "0" * 64)))
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "provision", "--state-dir", str(tmp_path / "state"), "flash"),
            *(str(word) for word in words),
        ],
        stdout=(gone := broken_pipe()),
        stderr=gone,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    os.close(gone)
    assert ran.returncode == (0 if digest else 9)
    assert bootable(target) is digest


def broken_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_closed_streams(tmp_path: Path, image: Path, target: Path) -> None:
    """No standard input is no yes; no standard error is no reason to fail."""
    line = f"exec {sys.executable} -m provision --state-dir {tmp_path}/state flash"
    line += f" {image} {target} --allow-file"
    ask = subprocess.run(["sh", "-c", line + " <&-"], capture_output=True, text=True, check=False)
    assert ask.returncode == 6
    assert "[not-confirmed]" in ask.stderr
    mute = subprocess.run(
        ["sh", "-c", line + " --yes 2>&-"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert mute.returncode == 0
    assert len(mute.stdout.splitlines()) == 1  # the verdict alone
