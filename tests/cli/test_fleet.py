"""``provision baseline`` and ``provision outliers``: targets, outputs, exit statuses, refusals."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hwprofiles.facts import FactBook, Source, as_dict
from provision.cli import cli, shell
from provision.sim import Rack

GIB = 1 << 30
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `provision …` as the shell would; returns exit status, output and talk."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))

    def provision(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["provision", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        capsys.readouterr()
        status = shell.run(cli)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return int(status), told.out, told.err

    return provision


def recorded(path: Path, serial: str, slots: int = 4, bios: str | None = None) -> Path:
    """A machine as `provision inventory --output json` prints it, with so many modules."""
    facts = FactBook()
    told = {"system.model": "R1", "system.serial": serial, "firmware.version": bios}
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "test")
    rows: list[dict[str, str | int]] = [
        {"slot": f"DIMM_A{n}", "size": 16 * GIB * (n <= slots)} for n in range(1, 5)
    ]
    facts.learn("memory.dimms", rows, Source.DMI, "test")
    path.write_text(json.dumps([as_dict(facts)]))
    return path


@pytest.fixture
def rack(tmp_path: Path) -> list[Path]:
    """Three machines of one kind, in a file each."""
    return [recorded(tmp_path / f"u0{n}.json", f"8XJ020{n}") for n in (1, 2, 3)]


def test_nothing_changed(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """Saved and compared at once: exit 0, one line; the machines are known by their serials."""
    kept = tmp_path / "rack.baseline"
    status, out, err = run("baseline", "save", "-o", kept, *rack)
    assert (status, out, err) == (0, f"3 machines kept in {kept}\n", "")
    assert next(iter(json.loads(kept.read_text())["machines"])) == "serial:8XJ0201"
    assert run("baseline", "diff", kept, *rack) == (0, "3 machines: 3 as in the baseline\n", "")
    status, out, _ = run("baseline", "diff", kept, *rack, "--output", "json", "--strict")
    told = json.loads(out)
    assert (status, told["schema"], told["changed"]) == (0, "bareiron.drift/1", False)


def test_changes_exit_20(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """A module out, a machine gone, another new: each told in its words, and exit status 20."""
    kept = tmp_path / "rack.baseline"
    run("baseline", "save", "-o", kept, *rack)
    recorded(rack[0], "8XJ0201", slots=3)
    recorded(rack[1], "9ZZ0001")
    rack[1].rename(tmp_path / "other.json")
    status, out, err = run("baseline", "diff", kept, rack[0], tmp_path / "other.json", rack[2])
    assert (status, err) == (20, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "CHANGED  u01.json (8XJ0201)\n         DIMM_A4: 16 GiB → empty\n" in out
    assert "GONE     u02.json (8XJ0202)" in out
    assert "NEW      other.json (9ZZ0001)" in out
    assert out.endswith("4 machines: 1 changed, 1 gone, 1 new, 1 as in the baseline\n")
    status, out, _ = run("baseline", "diff", kept, rack[0], "--output", "json")
    (change,) = json.loads(out)["machines"][0]["changes"]
    assert (change["kind"], change["slot"], change["after"]) == ("removed", "DIMM_A4", None)


def test_what_is_told_no_longer(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """It is shown and exits 0; with --strict, 14, as what could not be validated does."""
    kept = tmp_path / "rack.baseline"
    recorded(rack[0], "8XJ0201", bios="2.1")
    run("baseline", "save", "-o", kept, rack[0])
    recorded(rack[0], "8XJ0201")
    status, out, _ = run("baseline", "diff", kept, rack[0])
    assert status == 0
    assert "NOT TOLD u01.json (8XJ0201)\n         firmware.version: told then, not now" in out
    assert run("baseline", "diff", kept, rack[0], "--strict")[0] == 14


def test_outliers(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """All alike exits 0; the odd one exits 20 with its slot, as text and as JSON."""
    assert run("outliers", *rack)[0] == 0
    odd = recorded(tmp_path / "u04.json", "8XJ0204", slots=2)
    status, out, err = run("outliers", *rack, odd)
    assert (status, err) == (20, "")
    assert "ODD      memory of u04.json (8XJ0204)\n" in out
    assert "DIMM_A3, DIMM_A4: empty instead of 16 GiB" in out
    status, out, _ = run("outliers", "--from", odd, *rack, "--output", "json")
    told = json.loads(out)
    assert (status, told["schema"], told["odd"]) == (20, "bareiron.outliers/1", [str(odd)])


def test_one_that_cannot_be_read_stops_no_other(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """It is told on both streams, its error decides the exit status, and it is not gone."""
    kept = tmp_path / "rack.baseline"
    run("baseline", "save", "-o", kept, *rack)
    rack[1].write_bytes(b"\x00garbage")
    status, out, err = run("baseline", "diff", kept, *rack)
    assert status == 13
    assert "[dump-unknown]" in err
    assert "GONE" not in out
    assert out.endswith("3 machines: 1 not read, 2 as in the baseline\n")
    status, out, err = run("outliers", *rack)
    assert (status, "NOT READ" in out, "[dump-unknown]" in err) == (13, True, True)
    status, out, _ = run("baseline", "save", "-o", kept, *rack)
    assert (status, out) == (13, f"2 machines kept in {kept}\n")
    before = kept.read_bytes()
    assert run("baseline", "save", "-o", kept, rack[1])[0] == 13
    assert kept.read_bytes() == before  # of none, nothing is written


def test_refusals(run: Run, rack: list[Path], tmp_path: Path) -> None:
    """Damaged baselines 13, other files 6, no targets 2, a path that is not there 2."""
    status, out, err = run("baseline", "diff", rack[0], rack[1])
    assert (status, out) == (13, "")
    assert "[baseline-damaged]" in err
    assert "provision baseline save" in err
    before = rack[0].read_bytes()
    status, _, err = run("baseline", "save", "-o", rack[0], rack[1])
    assert (status, "[not-a-baseline]" in err) == (6, True)
    assert rack[0].read_bytes() == before
    assert run("baseline", "save", "-o", tmp_path / "no" / "dir.json", rack[1])[0] == 13
    for words in (["outliers"], ["outliers", tmp_path / "gone.json"], ["baseline", "save", *rack]):
        assert run(*words)[0] == 2
    assert run("baseline", "diff", tmp_path / "gone.json", rack[0])[0] == 13
    assert run("outliers", "x" * 5000, "--user", "a")[0] in (2, 7)


async def test_over_redfish(tmp_path: Path) -> None:
    """Live BMCs: what was saved is what is there; after a change in the BIOS it is not."""
    from provision.sim import running, standard_mix

    env = {**os.environ, "PROVISION_STATE_DIR": str(tmp_path / "state")}

    async def provision(*words: str | Path) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "provision", *map(str, words)),
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert "Traceback" not in err.decode()
        return process.returncode or 0, out.decode()

    def reach(rack: Rack) -> list[Any]:
        server = rack.server("r1u01")
        access = {"user": server.user, "password-file": server.password_file}
        access["ca-file"] = server.ca_file
        return [server.url, *(word for name in access for word in (f"--{name}", access[name]))]

    kept = tmp_path / "rack.baseline"
    specs = standard_mix(1)
    async with running(specs, scale=0.01, directory=tmp_path / "a") as before:
        assert (await provision("baseline", "save", "-o", kept, *reach(before)))[0] == 0
        assert (await provision("baseline", "diff", kept, *reach(before)))[0] == 0
    specs = standard_mix(1, virt_off=1)
    async with running(specs, scale=0.01, directory=tmp_path / "b") as after:
        status, out = await provision("baseline", "diff", kept, *reach(after))
        assert status == 20
        assert "cpu.virt.state: enabled → disabled" in out
