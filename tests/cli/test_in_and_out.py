"""What is read and where it is written: refused before any work, and nothing lost at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.host import machines

PROVISION = [sys.executable, "-m", "provision"]
WORDS = ["validate", "-p", "xen-4.17"]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A machine of which a little is known."""
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3)
    told = tmp_path / "cpuinfo.txt"
    told.write_bytes((tmp_path / "proc/cpuinfo").read_bytes())
    return told


def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    defaults = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*PROVISION, *map(str, words)], check=False, **{**defaults, **more}
    )


def test_a_report_that_cannot_be_is_refused_before_any_work(recorded: Path, tmp_path: Path) -> None:
    """Not after 40 servers were judged: no folder, a folder, the input itself, the profile."""
    before = recorded.read_bytes()
    folder = tmp_path / "folder.html"
    folder.mkdir()
    link = tmp_path / "again.txt"
    link.symlink_to(recorded)
    for place, why in (
        (tmp_path / "gone/r.html", "its directory is not there"),
        (link, "which is used too"),
        (recorded, "which is used too"),
    ):
        ended = run(*WORDS, recorded, "--report", place)
        assert (ended.returncode, ended.stdout) == (13, ""), ended.stderr
        assert why in ended.stderr
    assert recorded.read_bytes() == before


def test_a_report_that_is_lost_takes_no_verdict_with_it(recorded: Path) -> None:
    """The result is shown, FAIL stays exit status 3, and the loss is told."""
    full = recorded.parent / "full.xml"
    full.symlink_to("/dev/full")
    off = ["--fact", "cpu.virt.state=disabled"]
    ended = run(*WORDS, recorded, *off, "--report", full)
    assert ended.returncode == 3
    assert "FAIL     Hardware virtualization is enabled" in ended.stdout
    assert f"writing {full}: No space left on device" in ended.stderr


def test_a_full_disk_behind_standard_output(recorded: Path) -> None:
    """It has its own words, and is no bug of ours."""
    with Path("/dev/full").open("w") as full:
        ended = run(*WORDS, recorded, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode == 13
    assert "writing the result: No space left on device" in ended.stderr
    assert "Internal" not in ended.stderr


def test_a_pipe_is_no_recording(tmp_path: Path) -> None:
    """One that nobody writes to would be waited for without end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = run(*WORDS, "--from", pipe)
    assert ended.returncode == 13
    assert "neither a file nor a directory" in ended.stderr


def test_the_wait_for_standard_input_can_be_ended() -> None:
    """A CI job that is cancelled does not hang on the pipe before it."""
    process = subprocess.Popen(
        [*PROVISION, *WORDS, "--from", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    out, err = process.communicate()
    assert (process.returncode, out) == (143, "")
    assert "Interrupted" in err


@pytest.mark.parametrize("verb", ["inventory", "validate"])
def test_what_a_terminal_would_obey_is_not_printed(tmp_path: Path, verb: str) -> None:
    """Escapes, C1 controls and bidi of a recording reach neither text nor JSON as themselves."""
    evil = "R\x1b[31m805\x9b2J\u202eX\u2066"
    facts = {
        name: {"value": evil, "source": "dmi", "path": evil, "power_state": evil}
        for name in ("system.vendor", "system.model", "system.serial")
    }
    told = tmp_path / "evil.json"
    told.write_text(json.dumps({"schema": "bareiron.facts/1", "target": evil, "facts": facts}))
    more = ["-p", "xen-4.17", "--facts"] if verb == "validate" else []
    for output in ("text", "json"):
        ended = run(verb, told, *more, "--output", output)
        shown = ended.stdout + ended.stderr
        assert "805" in shown
        assert not set(shown) & set("\x1b\x9b\u202e\u2066")
