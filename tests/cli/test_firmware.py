"""``provision firmware``: listed, planned, and brought in once."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.bmc import tasks
from provision.sim.rack import SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run, two

__all__ = ["bmcs", "one", "run", "two"]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(tasks, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(tasks, "_SHORTEST", 0.05)


def image(folder: Path, line: str) -> str:
    """An image for the simulated servers."""
    path = folder / "image.bin"
    path.write_text(f"bareiron-firmware {line}\n" + "x" * 5000)
    return str(path)


def test_listed(run: Run, one: SimServer) -> None:
    """A table of parts; JSON with all there is."""
    status, out, err = run("firmware", "list", one.url, *reach(one))
    assert (status, err) == (0, "")
    assert out.splitlines()[1].split() == ["BMC", "1.0.0", "yes", "BMC", "firmware"]
    told = result(run("firmware", "list", one.url, *reach(one), "--output", "json")[1])
    assert {each["id"] for each in told} == {"BMC", "BIOS", "CPLD", "PSU1"}


def test_updated(run: Run, one: SimServer, two: SimServer, tmp_path: Path) -> None:
    """Planned without a request; asked for; sent once to each; then nothing to do."""
    words = ["firmware", "update", one.url, two.url, *reach(one)]
    words += ["--file", image(tmp_path, "BIOS 2.0.0"), "--target", "BIOS", "--expect", "2.0.0"]
    status, out, _ = run(*words, "--dry-run")
    assert (status, out.count("would be sent")) == (0, 2)
    status, out, err = run(*words)
    assert (status, out, "[not-confirmed]" in err) == (6, "", True)
    assert one.count("POST", "UpdateService") == 0
    status, out, err = run(*words, "--yes")
    assert (status, out.count("BIOS firmware: SIM 1.0.0 → 2.0.0")) == (0, 2)
    assert "upload: 100 %" in err
    assert run(*words, "--yes")[1].count("nothing was sent") == 2
    assert (one.count("POST", "UpdateService"), two.count("POST", "UpdateService")) == (1, 1)


def test_what_goes_wrong(run: Run, one: SimServer, tmp_path: Path) -> None:
    """A task that fails is exit 5; a file that is not there 13; both ways at once is usage."""
    words = ["firmware", "update", one.url, *reach(one), "--yes"]
    status, out, err = run(*words, "--file", image(tmp_path, "BIOS 3 fail"))
    assert (status, out) == (5, "")
    assert "block 17" in err
    assert run(*words, "--file", str(tmp_path / "none.bin"))[0] == 13
    assert run(*words, "--image", "bios.bin")[0] == 13
    assert run(*words)[0] == 2
    assert run(*words, "--file", "x", "--image", "http://x/y")[0] == 2
    status, _, err = run(*words, "--file", image(tmp_path, "BIOS 3"), "--target", "BOIS")
    assert (status, "Near are: BIOS" in err) == (13, True)
