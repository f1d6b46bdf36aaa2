"""The durable engine: what was done stays done, whatever ends the process."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provision.core.errors import ConfigError, Conflict
from provision.flow import engine

#: A controller in a process of its own: three steps for each of four subjects, and a line for each
#: step that is really run. Step `b` of `s1` stops at a gate until the file `open` is there.
CONTROLLER = """
import asyncio, sys
from pathlib import Path
from provision.flow import engine

home = Path(sys.argv[1])

async def tell(subject):
    for name in "abc":
        async def work(name=name):
            with (home / "done.txt").open("a") as file:
                file.write(f"{subject['name']} {name}\\n")
            if name == "b" and subject["name"] == "s1":
                print("at the gate", flush=True)
                while not (home / "open").exists():
                    await asyncio.sleep(0.05)
            return {"step": name}
        ending = await engine.step(name, work)
    return {"name": subject["name"], **ending}

subjects = {f"s{number}": {"name": f"s{number}"} for number in range(4)}
endings = asyncio.run(engine.perform(home / "run.sqlite", tell, subjects, parallel=2))
print(sorted(endings), endings["s3"], flush=True)
"""


def controller(home: Path) -> subprocess.Popen[str]:
    """Start a controller on the database in ``home``."""
    return subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.campaign
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, how: signal.Signals) -> None:
    """No finished step runs twice, the interrupted one runs again, and nobody is forgotten."""
    first = controller(tmp_path)
    assert first.stdout is not None
    assert first.stdout.readline() == "at the gate\n"
    first.send_signal(how)
    first.wait(20)
    first.stdout.close()
    before = (tmp_path / "done.txt").read_text().splitlines()
    assert "s1 a" in before
    assert "s1 c" not in before
    (tmp_path / "open").touch()
    second = controller(tmp_path)
    out, _ = second.communicate(timeout=20)
    assert second.returncode == 0
    assert "['s0', 's1', 's2', 's3'] {'name': 's3', 'step': 'c'}" in out
    steps = (tmp_path / "done.txt").read_text().splitlines()
    assert steps.count("s1 a") == 1
    assert steps.count("s1 b") == 2
    for subject in ("s0", "s1", "s2", "s3"):
        assert f"{subject} c" in steps


async def test_a_second_controller_is_kept_out(tmp_path: Path) -> None:
    """Two controllers on one database would each run the steps."""

    async def silent(subject: engine.Json) -> engine.Json:
        return subject

    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another controller"):
            await engine.perform(tmp_path / "run.sqlite", silent, {}, parallel=1)


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """With the file's name and what to do, not with the database library's words alone."""
    (tmp_path / "run.sqlite").write_bytes(b"garbage " * 1000)

    async def silent(subject: engine.Json) -> engine.Json:
        return subject

    with pytest.raises(ConfigError, match=r"run\.sqlite.*not a database"):
        await engine.perform(tmp_path / "run.sqlite", silent, {}, parallel=1)
