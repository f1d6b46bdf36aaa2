"""A rack of virtual machines as a user has it: a command in one terminal, ours in another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Images
from tests.lab.processes import PROVISION, provision, running, wait_until

pytestmark = pytest.mark.lab


@contextmanager
def rack(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Run ``provision sim up`` with one server; give the process and what it said."""
    log = folder / "up.json"
    words = ("sim", "up", "--backend", "qemu", "--servers", "1", "--output", "json")
    with running(
        [*PROVISION, *words, "--dir", folder / "rack"],
        log=log,
        ready=lambda: "Ctrl-C" in log.read_text(),  # said on standard error, after all else
    ) as process:
        yield process, json.JSONDecoder().raw_decode(log.read_text())[0]


def machines(directory: Path) -> list[int]:
    """Return the QEMU processes whose files lie in ``directory``."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes()
        except OSError:
            continue  # it has just ended
        if words.startswith(b"qemu-system") and os.fsencode(directory) in words:
            found.append(int(command.parent.name))
    return found


def test_from_a_file_to_a_hypervisor(images: Images, tmp_path: Path) -> None:
    """Flash, run, PASS: the same two commands as on a real rack, with a real Xen behind them."""
    with rack(tmp_path) as (process, told):
        (server,) = told["servers"]
        state = tmp_path / "state"
        provision("flash", images.stick, server["stick"], "--allow-file", "--yes", state=state)
        provision("run", told["servers_file"], state=state, within=240)
        (file,) = state.glob("runs/*/records/*.json")
        record = json.loads(file.read_text())
        assert record["verdict"] == "PASS"
        first, *_, last = record["evidence"]["lines"]
        assert "Xen version 4.17" in first
        assert "hypervisor up: xen-4.17" in last
        assert machines(tmp_path)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not machines(tmp_path)


def test_nothing_outlives_its_rack(tmp_path: Path) -> None:
    """Killed with its machines on, the rack leaves no process; started again, all is as it was."""
    with rack(tmp_path) as (process, told):
        access = access_to(told)
        provision("boot", *access, "order", "usb", state=tmp_path)
        provision("power", *access, "on", state=tmp_path)
        wait_until(lambda: bool(machines(tmp_path)), within=20, what="QEMU")
        process.kill()
        process.wait()
        wait_until(lambda: not machines(tmp_path), within=10, what="QEMU to end with its rack")
    with rack(tmp_path) as (_, told):
        access = access_to(told)
        assert provision("power", *access, "status", state=tmp_path).stdout == "Off\n"
        order = provision("boot", *access, "order", state=tmp_path).stdout
        assert "USB" in order.splitlines()[0]


def access_to(told: dict[str, Any]) -> tuple[str, ...]:
    """Return the BMC of the rack's only server, and the options to reach it."""
    (server,) = told["servers"]
    return (
        *(server["url"], "--user", server["user"]),
        *("--password-file", told["password_file"], "--ca-file", told["ca_file"]),
    )
