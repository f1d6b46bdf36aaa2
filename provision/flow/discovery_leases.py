"""Leases a DHCP server has given out: of dnsmasq, ISC dhcpd and Kea, known by their content.

The look at an address says more than a lease's age: leases that have run out count as well, those
given back or declined do not. Addresses of IPv6 are taken as they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provision.core.errors import ConfigError
from provision.core.servers import mac_of
from provision.core.text import clean

_LARGEST: Final = 64 << 20
_BEGINNING: Final = 200


@dataclass(frozen=True, kw_only=True)
class Lease:
    """An address given out; ``mac`` and ``name`` are empty where the file does not say."""

    address: str
    mac: str = ""
    name: str = ""


def read(path: Path) -> list[Lease]:
    """Return the leases of the file, each address once: the last word on it counts.

    Raises ``ConfigError`` for a file that cannot be read, or is none of the three.
    """
    doing = f"reading the leases in {path}"
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "no file's name holds a NUL"
        raise ConfigError(f"{doing}: {told}", hint="Give the DHCP server's lease file.") from error
    if len(raw) > _LARGEST:
        raise ConfigError(
            f"{doing}: larger than {_LARGEST >> 20} MiB", hint="Is it the right file?"
        )
    return _leases(raw.decode("utf-8", "replace"), doing)


def _leases(text: str, doing: str) -> list[Lease]:
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("#")][:_BEGINNING]
    if not said:
        return []
    reader = _reader(said)
    if reader is None:
        raise ConfigError(
            f"{doing}: not a lease file of dnsmasq, ISC dhcpd or Kea (it begins "
            f"{clean(said[0], 60)!r})",
            hint="Usual places: /var/lib/misc/dnsmasq.leases, /var/lib/dhcp/dhcpd.leases, "
            "/var/lib/kea/kea-leases4.csv.",
        )
    found: dict[str, Lease | None] = {}
    for address, lease in reader(lines):
        found.pop(address, None)  # the last word also has the last place
        found[address] = lease
    return [lease for lease in found.values() if lease]


#: An address and its lease, or None where it was given back.
_Told = Iterator[tuple[str, Lease | None]]


def _reader(said: list[str]) -> Callable[[list[str]], _Told] | None:
    """Return who reads such a file, judging by its first lines."""
    if "address" in said[0].split(",") and "," in said[0]:
        return _kea
    if any(_ISC.match(line) for line in said):
        return _isc
    return _dnsmasq if any(_DNSMASQ.fullmatch(line) for line in said) else None


_DNSMASQ: Final = re.compile(
    r"(?P<expires>\d+) (?P<mac>\S+) (?P<address>[0-9A-Fa-f.:]+) (?P<name>\S+)( \S+)?"
)


def _dnsmasq(lines: list[str]) -> _Told:
    for line in lines:
        if match := _DNSMASQ.fullmatch(line):
            # The hardware type may stand in front: 06-aa:bb:cc:dd:ee:ff.
            mac = match["mac"].rpartition("-")[2]
            name = "" if match["name"] == "*" else match["name"]
            yield from _lease(match["address"], mac, name)


_ISC: Final = re.compile(r"(?:lease|iaaddr)\s+(\S+)\s*\{")
_ISC_MAC: Final = re.compile(r"hardware\s+\S+\s+([0-9A-Fa-f:]+)\s*;")
_ISC_NAME: Final = re.compile(r'client-hostname\s+"([^"]*)"\s*;')
_ISC_STATE: Final = re.compile(r"binding\s+state\s+(\w+)\s*;")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_ISC_OVER: Final = ("free", "abandoned", "released", "reset", "backup")


def _isc(lines: list[str]) -> _Told:
    address, mac, name, state = "", "", "", ""
    for line in lines:
        if match := _ISC.match(line):
            address, mac, name, state = match[1], "", "", ""
            line = line[match.end() :]  # noqa: PLW2901 - all of it may stand on one line
        if found := _ISC_MAC.search(line):
            mac = found[1]
        if found := _ISC_NAME.search(line):
            name = found[1]
        if (found := _ISC_STATE.search(line)) and not line.startswith(("next", "rewind")):
            state = found[1]
        if "}" in _QUOTED.sub("", line) and address:
            if state in _ISC_OVER:
                yield address, None
            else:
                yield from _lease(address, mac, name)
            address = ""


_KEA_GIVEN: Final = ("0", "2", "")  # in use, or run out; 1 is declined, 3 given back


def _kea(lines: list[str]) -> _Told:
    # Not csv: Kea quotes nothing, and writes a comma within a value as &#x2c.
    header, *rows = (line.split(",") for line in lines if line and not line.startswith("#"))
    for row in rows:
        told = dict(zip(header, row, strict=False))
        address = told.get("address", "")
        if told.get("state", "") in _KEA_GIVEN:
            name = told.get("hostname", "").replace("&#x2c", ",").rstrip(".")
            yield from _lease(address, told.get("hwaddr", ""), name)
        else:
            yield address, None


def _lease(address: str, mac: str, name: str) -> _Told:
    try:
        address = str(ipaddress.ip_address(address))
    except ValueError:
        return  # a prefix given to a router, or a line cut short
    try:
        mac = mac_of(mac)
    except ValueError:
        mac = ""
    yield address, Lease(address=address, mac=mac, name=clean(name, 100))
