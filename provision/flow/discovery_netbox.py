"""Devices that NetBox lists, with the address of their BMC (out-of-band IP): read, never written.

The token goes to that one host over HTTPS, and to no other: redirects are not followed, and of the
link to the next page only the query is taken.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp

from provision.bmc import replies
from provision.bmc.address import Address
from provision.bmc.errors import BadReply
from provision.bmc.transport import CappedResponse, limits
from provision.core.errors import ConfigError, CredentialsError, ProvisionError, Unreachable
from provision.core.secrets import Secret
from provision.core.text import clean
from provision.flow.discovery_sources import MOST, Candidate

_PAGE: Final = 200
_TIMEOUT: Final = 30.0
_DEADLINE: Final = 600.0
_PATH: Final = "api/dcim/devices/"
_HINT: Final = "Check --netbox: it is the address of NetBox itself, such as https://netbox.example."


@dataclass(frozen=True, kw_only=True)
class NetBox:
    """Where NetBox is; ``query`` chooses devices (``site=ber1``, ``role=server``)."""

    url: str
    token: Secret
    query: tuple[tuple[str, str], ...] = ()
    ca_file: Path | None = None
    port: int = 443


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What NetBox lists: those with a BMC's address, and the number of those without."""

    candidates: list[Candidate]
    without_address: int


def parse_query(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return ``KEY=VALUE`` texts as pairs, or raise ``ConfigError``."""
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals) or key in ("limit", "offset"):
            raise ConfigError(
                f"reading the NetBox filter {clean(text, 60)!r}: no KEY=VALUE",
                hint="For example site=ber1 or role=server, as NetBox's API names them.",
            )
        pairs.append((key, value))
    return tuple(pairs)


async def read(netbox: NetBox) -> Devices:
    """Return the devices of NetBox.

    Raises ``ConfigError`` for an address that would send the token in clear, and for what does not
    answer as NetBox; ``CredentialsError``; ``Unreachable``.
    """
    base = _base(netbox.url)
    try:
        async with asyncio.timeout(_DEADLINE), _session(netbox) as session:
            return await _all(session, base, netbox)
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        raise Unreachable(
            f"reading the devices of {base}: no answer ({clean(error, 120) or 'in time'})",
            hint=_HINT,
        ) from error


def _base(url: str) -> str:
    parts = urlsplit(url)
    doing = f"reading the address of NetBox {clean(parts.hostname or '', 80)!r}"
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.hostname:
        raise ConfigError(f"{doing}: only scheme, host and path belong there", hint=_HINT)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise ConfigError(
            f"{doing}: only https:// keeps the token to ourselves", hint="Use https://."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _session(netbox: NetBox) -> aiohttp.ClientSession:
    try:
        context = ssl.create_default_context(cafile=netbox.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"reading the CA file {netbox.ca_file}: no certificate in it",
            hint="Give the CA's certificate in PEM form.",
        ) from error
    token = netbox.token.reveal()
    kind = "Bearer" if token.startswith("nbt_") else "Token"  # of NetBox 4.5 and later, or before
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Authorization": f"{kind} {token}", "Accept": "application/json"},
        response_class=CappedResponse,
        timeout=limits(_TIMEOUT),
        trust_env=False,
    )


async def _all(session: aiohttp.ClientSession, base: str, netbox: NetBox) -> Devices:
    query = urlencode([*netbox.query, ("limit", str(_PAGE)), ("offset", "0")])
    asked: set[str] = set()
    found: list[Candidate] = []
    without = 0
    while query and query not in asked:
        asked.add(query)
        page = await _page(session, f"{base}{_PATH}?{query}")
        for device in page["results"]:
            candidate = _candidate(device, netbox.port)
            found += [candidate] if candidate else []
            without += candidate is None
        if len(found) + without > MOST or len(asked) > MOST:
            raise ConfigError(
                f"reading the devices of {base}: more than {MOST}",
                hint="Choose some with --netbox-filter, such as site=ber1.",
            )
        query = _next(page.get("next"))
    return Devices(candidates=found, without_address=without)


async def _page(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    doing = f"reading {clean(url, 160)}"
    async with session.get(url, allow_redirects=False) as response:
        raw = await response.read()
        if response.status in (401, 403):
            raise CredentialsError(
                f"{doing}: NetBox does not accept the token (HTTP {response.status})",
                hint="Check --netbox-token-file, and that the token may read devices.",
            )
        if response.status != 200:
            raise _no_netbox(f"{doing}: HTTP {response.status}")
    try:
        page = replies.parse(doing, raw)
    except BadReply as error:
        raise _no_netbox(str(error)) from error
    if not isinstance(page.get("results"), list):
        raise _no_netbox(f"{doing}: no list of devices")
    return page


def _no_netbox(told: str) -> ProvisionError:
    return ConfigError(told, hint=_HINT)


def _next(link: object) -> str:
    """Return the query of the next page; empty at the last one."""
    if not isinstance(link, str):
        return ""
    try:
        return urlencode(parse_qsl(urlsplit(link).query, max_num_fields=100))
    except ValueError:
        return ""


def _candidate(device: Any, port: int) -> Candidate | None:
    host = _text(device, "oob_ip", "address").partition("/")[0]
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        return None
    position = _at(device, "position")
    whole = isinstance(position, int | float) and 1 <= position <= 60 and not position % 1
    return Candidate(
        address=Address(host=host, port=port),
        source="netbox",
        name=_text(device, "name"),
        serial=_text(device, "serial"),
        rack=_text(device, "rack", "name"),
        u=int(position) if whole else None,
        expected=_text(device, "status", "value") in ("active", "staged", "planned", ""),
    )


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any, *steps: str) -> str:
    found = _at(value, *steps)
    return clean(found, 100) if isinstance(found, str) else ""
