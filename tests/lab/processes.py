"""Programs the lab starts: waited for until they answer, ended by their own process id."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Our command, as a user would call it.
PROVISION = (sys.executable, "-m", "provision")

#: Before a command: the kernel kills it when the tests are killed and cannot clean up.
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")

SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, ready: Callable[[], bool], within: float = 60
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` while the block runs; its output goes to ``log``."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_DIES_WITH_US, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": SBIN},
            start_new_session=True,
        )
    try:
        wait_until(
            lambda: ready() or process.poll() is not None,
            within=within,
            what=f"{command[0]} to answer",
        )
        if process.poll() is not None:
            raise AssertionError(f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}")
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes], patience: float = 10) -> None:
    """End a process we started: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Wait for ``condition``; fail with ``what`` was waited for."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited {within} s in vain for {what}")
        time.sleep(0.05)


def provision(
    *arguments: str | Path,
    state: Path | None = None,
    expect: int | None = 0,
    within: float = 180,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run our command as a user does; check its exit status."""
    done = subprocess.run(
        [*PROVISION, *(["--state-dir", str(state)] if state else []), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    said = f"provision {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in said, said
    if expect is not None:
        assert done.returncode == expect, f"exit status {done.returncode}: {said}"
    return done
