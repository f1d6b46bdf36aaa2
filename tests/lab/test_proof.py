"""The proof: a server with an empty stick ends up running a hypervisor, by our commands alone.

The firmware is real (OVMF), the hypervisor is real (Xen), the BMC is somebody else's, and what is
believed is the server's own console.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.lab import marker
from tests.lab.conftest import Images, Lab
from tests.lab.emulator import USER, is_off
from tests.lab.processes import PROVISION, provision, wait_until
from tests.lab.serial import XEN_BOOT

pytestmark = pytest.mark.lab

FAILS_TO_BOOT = r"BdsDxe: failed to load Boot\d+ .*USB HARDDRIVE"


def servers_file(lab: Lab, folder: Path, wishes: str) -> Path:
    """Write the file a user would write for this one server; ``wishes`` say what it boots from."""
    file = folder / "servers.yaml"
    patterns = "\n".join(f"        - '{pattern}'" for pattern in XEN_BOOT)
    file.write_text(
        f"""\
schema: bareiron.servers/1
defaults:
  user: {USER}
  password: file:{lab.password_file}
  ca_file: {lab.emulator.ca_file}
  profile: xen-4.17
  evidence:
    serial:
      file: {lab.serial.file.parent}/{{name}}.serial
      expect:
{patterns}
    within: 150
servers:
  - name: {lab.name}
    bmc: {lab.url}
    {wishes}
"""
    )
    return file


def record_of(lab: Lab, state: Path) -> dict[str, Any]:
    """Return the one record that the runs in ``state`` have left for the server."""
    (file,) = state.glob(f"runs/*/records/{lab.name}.json")
    record = json.loads(file.read_text())
    assert isinstance(record, dict)
    return record


def check_passed(record: dict[str, Any]) -> None:
    """The record says PASS, and holds what the console said."""
    assert record["verdict"] == "PASS", record
    lines = "\n".join(record["evidence"]["lines"])
    for word in ("Xen version 4.17", "dom0 userland reached", "xen_version", "hypervisor up"):
        assert word in lines


def test_from_a_blank_stick_to_a_hypervisor(lab: Lab, images: Images, tmp_path: Path) -> None:
    """Each command by hand: it fails to boot, is flashed, judged, set, started, and runs Xen."""
    lab.command("power", "on", state=tmp_path)
    lab.serial.wait(FAILS_TO_BOOT, within=60)
    lab.command("power", "force-off", "--yes", state=tmp_path)

    record = lab.flash_stick(images.stick, tmp_path)
    assert record["result"] == "pass"
    assert record["image"]["expected_by"].endswith("xen.img.sha256")
    judged = lab.command("validate", "--profile", "xen-4.17", state=tmp_path)
    assert "FAIL" not in judged.stdout
    told = lab.command("boot", "set", "usb", "--persistent", state=tmp_path)
    assert "Continuous" in told.stdout

    mark, resets = lab.serial.mark(), lab.emulator.resets()
    lab.command("power", "on", state=tmp_path)
    lab.serial.wait(*XEN_BOOT, mark=mark)
    assert lab.emulator.resets() == resets + 1

    lab.command("power", "off", "--yes", state=tmp_path)
    lab.serial.wait("bareiron: power button pressed", mark=mark, within=10)
    assert is_off(lab.libvirt, lab.name)


def test_run_from_the_stick(lab: Lab, images: Images, tmp_path: Path) -> None:
    """One command and one file do the same; the record says PASS and quotes the console."""
    lab.flash_stick(images.stick, tmp_path)
    resets = lab.emulator.resets()
    wishes = "boot: {device: usb, once: false}"
    provision("run", servers_file(lab, tmp_path, wishes), state=tmp_path)
    check_passed(record_of(lab, tmp_path))
    assert lab.emulator.resets() == resets + 1


@asynccontextmanager
async def image_host(file: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve ``file`` over HTTP on loopback; give its URL and the list of requests."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get(f"/{file.name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/{file.name}", seen
    finally:
        await runner.cleanup()


def test_secure_boot_of_somebody_elses_bmc(lab: Lab, tmp_path: Path) -> None:
    """Switched on, the firmware refuses what is not signed; switched off, it boots it."""
    marker.stick(lab.stick, "stick")
    lab.command("secureboot", "enable", state=tmp_path)
    assert "enabled" in lab.command("secureboot", "show", state=tmp_path).stdout
    mark = lab.serial.mark()
    lab.command("power", "on", state=tmp_path)
    lab.serial.wait("Access Denied|Security Violation", mark=mark, within=90)
    lab.command("power", "force-off", "--yes", state=tmp_path)
    lab.command("secureboot", "disable", state=tmp_path)
    mark = lab.serial.mark()
    lab.command("power", "on", state=tmp_path)
    lab.serial.wait(r"\[stick", mark=mark, within=90)


async def test_run_from_virtual_media(lab: Lab, images: Images, tmp_path: Path) -> None:
    """The same hypervisor from an ISO that the BMC fetches; the stick stays blank."""
    async with image_host(images.disc) as (url, seen):
        wishes = f"boot: {{device: cd}}\n    media: {{image: '{url}'}}"
        file = servers_file(lab, tmp_path, wishes)
        await asyncio.to_thread(provision, "run", file, state=tmp_path)
    check_passed(record_of(lab, tmp_path))
    assert "GET" in seen
    assert lab.stick.read_bytes().count(0) == lab.stick.stat().st_size


def ended(step: str) -> Callable[[Lab, Path], bool]:
    """A moment: the run has told that ``step`` ended."""

    def reached(_lab: Lab, state: Path) -> bool:
        lines = [
            json.loads(line)
            for log in state.glob("runs/*/events.jsonl")
            for line in log.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]
        return any(line["step"] == step and line["phase"] == "end" for line in lines)

    return reached


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(ended("boot"), id="before-power-on"),
        pytest.param(ended("power-on"), id="after-power-on"),
    ],
)
def test_a_killed_run_is_taken_up(
    moment: Callable[[Lab, Path], bool], lab: Lab, images: Images, tmp_path: Path
) -> None:
    """SIGKILL between two steps: ``resume`` finishes, and the BMC has seen one Reset."""
    lab.flash_stick(images.stick, tmp_path)
    resets = lab.emulator.resets()
    file = servers_file(lab, tmp_path, "boot: {device: usb, once: false}")
    run = subprocess.Popen(
        [*PROVISION, "--state-dir", tmp_path, "run", file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: moment(lab, tmp_path), within=60, what="the moment to kill at")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert not list(tmp_path.glob("runs/*/records/*.json"))

    provision("resume", state=tmp_path)
    check_passed(record_of(lab, tmp_path))
    assert lab.emulator.resets() == resets + 1
