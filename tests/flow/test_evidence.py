"""Evidence: only what this boot said counts, and its absence says what was seen instead."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from aiohttp import web

from provision.core.errors import ConfigError, EvidenceMissing
from provision.core.servers import Evidence, HttpAnswer, SerialText, TcpAnswer
from provision.flow import evidence


def console(path: Path, *expect: str, within: int = 1) -> Evidence:
    """Evidence on a serial log."""
    return Evidence(serial=SerialText(file=str(path), expect=list(expect)), within=within)


async def test_text_of_an_older_boot_is_no_evidence(tmp_path: Path) -> None:
    """The console log is appended to for years."""
    log = tmp_path / "serial.log"
    log.write_text("Xen version 4.17\nready\n")
    wanted = console(log, "Xen version", "ready")
    assert wanted.serial is not None
    offset = evidence.console_size(wanted.serial)
    with pytest.raises(EvidenceMissing, match="nothing at all"):
        await evidence.wait_for(wanted, offset=offset, started=time.time())


async def test_lines_are_found_as_they_come(tmp_path: Path) -> None:
    """In their order, through terminal escapes, quoted in full."""
    log = tmp_path / "serial.log"
    log.write_text("old\n")
    wait = asyncio.create_task(
        evidence.wait_for(
            console(log, "Xen version", "re.dy", within=5), offset=4, started=time.time()
        )
    )
    await asyncio.sleep(0.1)
    with log.open("a") as file:
        file.write("\x1b[2J(XEN) Xen version 4.17.5\r\n\x1b[0mdom0 is ready now\r\n")
    found = await wait
    assert found["lines"] == ["(XEN) Xen version 4.17.5", "dom0 is ready now"]


async def test_the_wrong_order_is_no_evidence(tmp_path: Path) -> None:
    """'ready' before Xen's banner is somebody else's."""
    log = tmp_path / "serial.log"
    log.write_text("ready\nXen version\n")
    with pytest.raises(EvidenceMissing, match="ready"):
        await evidence.wait_for(console(log, "Xen version", "ready"), offset=0, started=time.time())


async def test_the_time_allowed_runs_from_the_start_of_the_server(tmp_path: Path) -> None:
    """A resumed run does not wait all over again."""
    began = time.monotonic()
    with pytest.raises(EvidenceMissing):
        await evidence.wait_for(
            console(tmp_path / "none", "x", within=600), offset=0, started=time.time() - 601
        )
    assert time.monotonic() - began < 5


async def test_a_port_that_greets(unused_tcp_port: int) -> None:
    """An SSH banner is evidence; a port that is closed is said to be."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-dropbear\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    wanted = Evidence(
        tcp=TcpAnswer(host="127.0.0.1", port=unused_tcp_port, expect="^SSH-2"), within=1
    )
    with pytest.raises(EvidenceMissing, match="does not answer"):
        await evidence.wait_for(wanted, offset=0, started=time.time())
    async with await asyncio.start_server(greet, "127.0.0.1", unused_tcp_port):
        found = await evidence.wait_for(wanted, offset=0, started=time.time())
    assert found["banner"] == "SSH-2.0-dropbear"


async def test_a_page_that_answers(unused_tcp_port: int) -> None:
    """Status and text both count."""

    async def status(_request: web.Request) -> web.Response:
        return web.Response(text='{"hypervisor": "xen-4.17.5"}')

    app = web.Application()
    app.router.add_get("/status", status)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    url = f"http://127.0.0.1:{unused_tcp_port}"
    try:
        good = Evidence(http=HttpAnswer(url=f"{url}/status", expect="xen-4[0-9.]+"), within=1)
        found = await evidence.wait_for(good, offset=0, started=time.time())
        assert found["text"] == "xen-4.17.5"
        bad = Evidence(http=HttpAnswer(url=f"{url}/other"), within=1)
        with pytest.raises(EvidenceMissing, match="answers 404"):
            await evidence.wait_for(bad, offset=0, started=time.time())
    finally:
        await runner.cleanup()


def test_a_console_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """A FIFO would block whoever opens it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    wanted = console(pipe, "x").serial
    assert wanted is not None
    with pytest.raises(ConfigError, match="no regular file"):
        evidence.console_size(wanted)
