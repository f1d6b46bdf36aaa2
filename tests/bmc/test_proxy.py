"""A proxy of the environment: ignored unless asked for, and never believed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from provision.bmc.client import Access, Tls, connect
from provision.core.errors import ConfigError, IdentityError, Unreachable
from tests.bmc.hostile import HostileBmc

Reach = Callable[..., Access]


class TunnelProxy:
    """Makes tunnels to where it is asked to, or to ``instead``; or answers ``refusal``."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.instead = 0
        self.refusal = b""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            return
        host, port = head.split()[1].rsplit(":", 1)
        there, away = await asyncio.open_connection(host, self.instead or int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, away), _copy(there, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    sink.close()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TunnelProxy]:
    """A proxy that the environment names for all hosts."""
    proxy = TunnelProxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:my%20word@127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    yield proxy
    server.close()


async def _read(access: Access) -> None:
    async with connect(access) as bmc:
        await bmc.get("/redfish/v1/Systems")


async def test_the_environments_proxy_is_ignored(access: Reach, proxy: TunnelProxy) -> None:
    """BMCs are on networks of their own: a proxy meant for the web sees nothing of them."""
    await _read(access())
    assert proxy.asked == []


async def test_a_proxy_that_was_asked_for(
    access: Reach, proxy: TunnelProxy, bmc: HostileBmc
) -> None:
    """All goes through tunnels to the BMC, the look at the certificate too; TLS as without it."""
    for tls in (Tls.CA, Tls.PIN):
        await _read(access(proxy_from_env=True, tls=tls))
    assert len(proxy.asked) >= 4
    for head in proxy.asked:
        assert head.startswith(f"CONNECT 127.0.0.1:{bmc.port} HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic bWU6bXkgd29yZA==" in head
    assert not any("Proxy-Authorization" in str(each.headers) for each in bmc.requests)


async def test_no_proxy_excepts(
    access: Reach, proxy: TunnelProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_PROXY holds."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    await _read(access(proxy_from_env=True))
    assert proxy.asked == []


async def test_a_proxy_that_leads_elsewhere_is_found_out(
    access: Reach, proxy: TunnelProxy, thief: HostileBmc
) -> None:
    """Who answers at the end of the tunnel has to prove who it is before it gets one request."""
    await _read(access(proxy_from_env=True, tls=Tls.PIN, ca_file=None))
    import trustme

    thief.show(trustme.CA().issue_cert("127.0.0.1"))
    proxy.instead = thief.port
    for tls in (Tls.CA, Tls.PIN, Tls.AUTO):
        with pytest.raises(IdentityError):
            await _read(access(proxy_from_env=True, tls=tls))
    assert thief.requests == []


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 407 Proxy \x1b[31mwants\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"A" * 70000,
    ],
)
async def test_a_proxy_that_refuses(access: Reach, proxy: TunnelProxy, refusal: bytes) -> None:
    """Its refusal is told as the proxy's, in words that reach no terminal as commands."""
    proxy.refusal = refusal
    with pytest.raises(Unreachable, match=r"through the proxy http://127\.0\.0\.1") as caught:
        await _read(access(proxy_from_env=True))
    assert "\x1b" not in str(caught.value)
    assert "my" not in str(caught.value)


@pytest.mark.parametrize("told", ["socks5://h:1", "https://h:1", "http://h:port", "http://"])
async def test_what_is_no_proxy(access: Reach, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy we cannot speak to is an error and not a way around it."""
    monkeypatch.setenv("HTTPS_PROXY", told)
    with pytest.raises(ConfigError, match="HTTPS_PROXY"):
        await _read(access(proxy_from_env=True))
