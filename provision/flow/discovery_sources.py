"""Where to look for BMCs: ranges, files of servers; the others have files of their own."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provision.bmc import address
from provision.bmc.address import Address
from provision.core.errors import ConfigError, Refused
from provision.core.servers import Listed

HTTPS: Final = 443
#: Addresses of one search: as many as a /16 has, and with --large as a /12 has.
MOST: Final = 1 << 16
MOST_LARGE: Final = 1 << 20

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORT: Final = re.compile(r"([^:]+|\[.*\].*):(\d{1,5})")
_SPAN: Final = re.compile(r"((?:\d+\.){3})(\d+)-((?:\d+\.){3})?(\d+)")


class TooMany(Refused):
    """More addresses than anybody wants to be asked about by accident."""

    code = "range-too-large"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An address where a BMC may be, and what is known of it beforehand.

    ``expected`` says that somebody holds that a BMC is there: if none answers, it is missing.
    """

    address: Address
    source: str
    name: str = ""
    mac: str = ""
    serial: str = ""
    rack: str = ""
    u: int | None = None
    slot: str = ""
    expected: bool = False

    def merged(self, other: Candidate) -> Candidate:
        """Return both as one: the first word on each thing counts."""
        filled = {
            key: getattr(self, key) or getattr(other, key)
            for key in ("name", "mac", "serial", "rack", "u", "slot", "expected")
        }
        sources = dict.fromkeys([*self.source.split("+"), *other.source.split("+")])
        return replace(self, source="+".join(sources), **filled)


def in_ranges(texts: Sequence[str], ports: Sequence[int], *, large: bool) -> list[Candidate]:
    """Return the addresses of CIDR prefixes, spans (``10.0.0.5-20``), addresses and host names.

    ``:PORT`` behind a range stands for ``ports``. Raises ``TooMany`` for more than ``MOST`` unless
    ``large``, and ``ConfigError`` for what is no range.
    """
    found: list[Candidate] = []
    for text in texts:
        places = _places(text, ports or [HTTPS], large=large)
        found += [Candidate(address=place, source="range") for place in places]
        _check(len(found), "looking in these ranges", large=large)
    return found


def _check(count: int, doing: str, *, large: bool) -> None:
    if count > MOST and not large:
        raise TooMany(
            f"{doing}: more than {MOST} addresses",
            hint="Give smaller ranges, or --large if all of them are yours to ask.",
        )
    if count > MOST_LARGE:
        raise TooMany(f"{doing}: more than {MOST_LARGE} addresses", hint="Do it in parts.")


def _places(text: str, ports: Sequence[int], *, large: bool) -> Iterable[Address]:
    if "@" in text:
        return _one(text, ports)  # which refuses it without repeating what may be a password
    doing = f"reading the range {text[:80]!r}"
    range_, ports = _without_port(doing, text.strip(), ports)
    if span := _SPAN.fullmatch(range_):
        hosts = _between(doing, span)
    elif "/" in range_ and "://" not in range_:
        hosts = _inside(doing, range_, large=large)
    else:
        return _one(range_, ports)
    _check(len(hosts) * len(ports), doing, large=large)
    return (Address(host=str(hosts[n]), port=port) for n in range(len(hosts)) for port in ports)


def _without_port(doing: str, text: str, ports: Sequence[int]) -> tuple[str, Sequence[int]]:
    match = _PORT.fullmatch(text)
    if not match or not ("/" in text or _SPAN.fullmatch(match[1])) or "://" in text:
        return text, ports
    if not 0 < int(match[2]) < 65536:
        raise _no_range(doing, "ports go from 1 to 65535")
    return match[1].strip("[]"), [int(match[2])]


@dataclass(frozen=True)
class _Hosts:
    """Consecutive addresses."""

    first: Ip
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Ip:
        return self.first + number


def _between(doing: str, span: re.Match[str]) -> _Hosts:
    try:
        first = ipaddress.ip_address(span[1] + span[2])
        last = ipaddress.ip_address((span[3] or span[1]) + span[4])
    except ValueError as error:
        raise _no_range(doing, str(error)) from error
    if int(last) < int(first):
        raise _no_range(doing, "it ends before it begins")
    return _Hosts(first, int(last) - int(first) + 1)


def _inside(doing: str, text: str, *, large: bool) -> _Hosts:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise _no_range(doing, str(error)) from error
    if network.version == 6 and network.num_addresses > MOST:
        raise TooMany(
            f"{doing}: {network.num_addresses:.0e} addresses; a sweep would not end in our lives",
            hint="Give a prefix of /112 or longer, --leases FILE, --ssdp or single addresses.",
        )
    _check(network.num_addresses, doing, large=large)
    edges = network.version == 4 and network.prefixlen < 31  # network and broadcast address
    first = network.network_address + (1 if edges else 0)
    return _Hosts(first, network.num_addresses - (2 if edges else 0))


def _one(text: str, ports: Sequence[int]) -> list[Address]:
    place = address.parse(text)
    named = bool(re.search(r"://|\]:\d+$|^[^:]+:\d+$", text))
    return [place] if named else [replace(place, port=port) for port in ports]


def _no_range(doing: str, why: str) -> ConfigError:
    return ConfigError(
        f"{doing}: {why}",
        hint="Write it as 10.0.0.0/24, 10.0.0.5-20 or 10.0.0.7; host names will do.",
    )


def of_servers(servers: Iterable[Listed], source: str) -> list[Candidate]:
    """Return the BMCs of a servers file, as expected ones."""
    return [
        Candidate(
            address=replace(address.parse(server.bmc), system=""),
            source=source,
            name=server.name,
            mac=server.mac or "",
            serial=server.serial or "",
            rack=server.rack or "",
            u=server.u,
            slot=server.slot or "",
            expected=True,
        )
        for server in servers
    ]


def together(candidates: Iterable[Candidate], *, large: bool) -> list[Candidate]:
    """Return each address once, with all that is known of it."""
    found: dict[str, Candidate] = {}
    for one in candidates:
        key = one.address.authority
        found[key] = found[key].merged(one) if key in found else one
        _check(len(found), "looking for BMCs", large=large)
    return list(found.values())
