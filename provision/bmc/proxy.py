"""The proxy of the environment, for those who asked for it: ``HTTPS_PROXY`` and ``NO_PROXY``.

Nothing is believed of a proxy: TLS runs through its tunnel to the BMC, whose certificate is judged
as without one.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from provision.bmc.address import Address
from provision.core.errors import ConfigError, Unreachable
from provision.core.text import clean

_LONGEST: Final = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy that makes tunnels (``CONNECT``, RFC 9110, 9.3.6)."""

    host: str
    port: int
    #: What goes with the wish for a tunnel, and to the proxy alone.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """Where it is, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def from_env(address: Address) -> Proxy | None:
    """Return the proxy that the environment wants for ``address``; None where it wants none."""
    told = getproxies().get("https", "")
    if not told or proxy_bypass(address.host):
        return None
    try:
        parts = urlsplit(told if "://" in told else f"http://{told}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "http":
        raise ConfigError(
            "reading HTTPS_PROXY: no proxy of the form http://host:port",
            hint="Set it so, or leave --proxy-from-env out.",
        )
    headers = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return Proxy(host=host, port=port, headers=headers)


async def tunnel(
    proxy: Proxy, address: Address, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a TLS connection to ``address`` through ``proxy``; the caller bounds the time."""
    doing = f"connecting to {address.authority} through the proxy {proxy.url}"
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=_LONGEST)
    try:
        lines = [f"CONNECT {address.authority} HTTP/1.1", f"Host: {address.authority}"]
        lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unreachable(f"{doing}: it closed, or did not answer in HTTP") from error
        status, _, reason = head.split(b"\r\n", 1)[0].partition(b" ")[2].partition(b" ")
        if not (status.isdigit() and len(status) == 3 and status.startswith(b"2")):
            said = clean(f"{status.decode('latin-1')} {reason.decode('latin-1')}", 80)
            raise Unreachable(
                f"{doing}: it refuses ({said})",
                hint="Have it allow CONNECT to the BMC's port, or put the BMC's network into "
                "NO_PROXY.",
            )
        await writer.start_tls(context, server_hostname=address.host)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer
