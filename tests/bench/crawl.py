"""How fast many BMCs are read: ``python -m tests.bench.crawl [BMCS]``, or ``make bench``.

The BMCs answer after 100 ms each, over TLS, from a process of their own. A crawl of one is a login,
40 reads one after the other, and a logout. Read by us, by aiohttp bare, which checks nothing but
the certificate and so shows what the guards cost, by sushy, and by DMTF's client for threads, in
the same run.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import multiprocessing
import os
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.client import CrawledBmc
from tests.bmc.hostile import Certificates

READS = 40
#: Requests to a BMC: those, the root, the login, the logout, and the systems read to know it.
PER_BMC = READS + 3
USER, PASSWORD = "admin", "bench-password-1"
#: Threads of the peers: what facts and Ironic's defaults call many.
THREADS = 64


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """What a crawl of ``bmcs`` took."""

    bmcs: int
    requests: int
    wall: float
    cpu: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.wall

    @property
    def per_thousand(self) -> float:
        """CPU-seconds per thousand requests."""
        return self.cpu / self.requests * 1000


@contextmanager
def rack(count: int, directory: Path) -> Iterator[tuple[list[int], Path]]:
    """Run BMCs in another process; yield their ports and the file of their CA."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(count, str(directory), there), daemon=True
    )
    process.start()
    try:
        yield here.recv(), directory / "ca.pem"
    finally:
        process.terminate()
        process.join()


def serve(count: int, directory: str, pipe: Connection) -> None:
    """Serve BMCs until killed."""
    _allow_files()
    certificates = Certificates()
    certificates.ca_file(Path(directory))
    leaf = certificates.leaf()

    async def run() -> None:
        bmcs = [CrawledBmc(leaf, READS) for _ in range(count)]
        pipe.send([await each.start() for each in bmcs])
        await asyncio.Event().wait()

    asyncio.run(run())


async def ours(ports: list[int], ca_file: Path) -> int:
    """Crawl with our client, all BMCs at once; return the number of requests."""
    from provision.bmc.client import Access, Tls, connect
    from provision.core.secrets import Secret

    password = Secret(PASSWORD)

    async def one(port: int) -> None:
        access = Access(
            url=f"https://127.0.0.1:{port}",
            user=USER,
            password=password,
            tls=Tls.CA,
            ca_file=ca_file,
            timeout=120,
        )
        async with connect(access) as bmc:
            for number in range(READS):
                await bmc.get(f"/redfish/v1/Things/{number}")

    await asyncio.gather(*(one(port) for port in ports))
    return len(ports) * PER_BMC


async def bare(ports: list[int], ca_file: Path) -> int:
    """Crawl with aiohttp alone, all BMCs at once; return the number of requests."""
    context = ssl.create_default_context(cafile=str(ca_file))
    login = {"UserName": USER, "Password": PASSWORD}

    async def one(port: int) -> None:
        connector = aiohttp.TCPConnector(ssl=context, limit_per_host=1)
        root = f"https://127.0.0.1:{port}/redfish/v1"
        async with aiohttp.ClientSession(root + "/", connector=connector) as http:
            await (await http.get("")).json()
            opened = await http.post("SessionService/Sessions", json=login)
            token = {"X-Auth-Token": opened.headers["X-Auth-Token"]}
            for number in range(READS):
                async with http.get(f"Things/{number}", headers=token) as answer:
                    await answer.json()
            async with http.delete("SessionService/Sessions/7", headers=token):
                pass

    await asyncio.gather(*(one(port) for port in ports))
    return len(ports) * PER_BMC


def threads(work: Callable[[int], None]) -> Callable[[list[int], Path], Any]:
    """Return a crawl by ``work`` in threads, one BMC each."""

    async def crawl(ports: list[int], _ca_file: Path) -> int:
        def run() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(work, ports))

        await asyncio.to_thread(run)
        return len(ports) * PER_BMC

    return crawl


def by_redfish(port: int) -> None:
    """Crawl one BMC with DMTF's client for threads."""
    import redfish

    client = redfish.redfish_client(
        base_url=f"https://127.0.0.1:{port}", username=USER, password=PASSWORD, timeout=120
    )
    client.login(auth="session")
    for number in range(READS):
        client.get(f"/redfish/v1/Things/{number}")
    client.logout()


def by_sushy(port: int) -> None:
    """Crawl one BMC with sushy."""
    sushy = importlib.import_module("sushy")  # not among our dependencies
    login = importlib.import_module("sushy.auth").SessionAuth(USER, PASSWORD)
    root = sushy.Sushy(f"https://127.0.0.1:{port}", auth=login, verify=False)
    for number in range(READS):
        root._conn.get(f"/redfish/v1/Things/{number}")
    login.close()


def measure(crawl: Callable[[list[int], Path], Any], ports: list[int], ca_file: Path) -> Crawl:
    """Crawl once."""
    gc.collect()
    began, cpu = time.perf_counter(), _cpu()
    requests = asyncio.run(crawl(ports, ca_file))
    wall = time.perf_counter() - began
    return Crawl(bmcs=len(ports), requests=requests, wall=wall, cpu=_cpu() - cpu)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def idle(ports: list[int], ca_file: Path) -> float:
    """Return the KiB that one connected BMC takes while nothing is asked of it."""
    from contextlib import AsyncExitStack

    from provision.bmc.client import Access, Tls, connect
    from provision.core.secrets import Secret

    async with AsyncExitStack() as stack:
        gc.collect()
        before = _rss()
        for port in ports:
            access = Access(
                url=f"https://127.0.0.1:{port}",
                user=USER,
                password=Secret(PASSWORD),
                tls=Tls.CA,
                ca_file=ca_file,
            )
            await stack.enter_async_context(connect(access))
        gc.collect()
        return (_rss() - before) / len(ports)


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 10


def _allow_files() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(count: int = 300) -> None:
    """Print what a crawl takes, beside that of one BMC and of others' clients."""
    _allow_files()
    with tempfile.TemporaryDirectory() as name:
        os.environ["PROVISION_STATE_DIR"] = f"{name}/state"
        with rack(count, Path(name)) as (ports, ca_file):
            measure(ours, ports[:1], ca_file)  # the first one imports
            kib = asyncio.run(idle(ports[:50], ca_file))
            one = measure(ours, ports[:1], ca_file)
            new = measure(ours, ports, ca_file)
            known = measure(ours, ports, ca_file)
            plain = measure(bare, ports, ca_file)
            say(
                f"crawl: one BMC {one.wall:.2f} s; {count} BMCs {known.wall:.2f} s "
                f"({known.wall / one.wall:.2f}x; at first contact {new.wall:.2f} s), "
                f"{known.per_second:,.0f} requests/s, {known.per_thousand:.2f} CPU-s per 1,000 "
                f"requests (bar: 0.25)"
            )
            say(
                f"crawl: bare aiohttp {plain.wall:.2f} s, {plain.per_thousand:.2f} CPU-s per "
                f"1,000; with our guards {known.per_thousand / plain.per_thousand:.2f}x the CPU"
            )
            say(f"crawl: {kib:.0f} KiB per idle BMC (bar: 1024)")
            _peers(known, ports, ca_file)


def _peers(mine: Crawl, ports: list[int], ca_file: Path) -> None:
    import logging
    import warnings

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    few = ports[:THREADS]
    for name, work in (("redfish (sync)", by_redfish), ("sushy", by_sushy)):
        try:
            measure(threads(work), few[:1], ca_file)
        except ImportError:
            say(f"crawl: {name} LEFT OUT, it is not installed (pip install sushy)")
            continue
        other = measure(threads(work), few, ca_file)
        ratio = mine.per_second / other.per_second
        say(
            f"crawl: {name} in {THREADS} threads {other.per_second:,.0f} requests/s, "
            f"{other.per_thousand:.2f} CPU-s per 1,000; ours {ratio:.1f}x (bar: 6x)"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
