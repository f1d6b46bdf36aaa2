"""BMCs that answer a multicast search (SSDP, DSP0266 §15.3). Most ship with it off.

The search does not cross routers. An answer may say anything, so only its sender's own address and
the port it names are believed: nobody in the segment can send us to another host.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import socket
import struct
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from provision.bmc.address import Address
from provision.core.errors import ConfigError

#: Where searches go, and what they ask for.
GROUP: Final = ("239.255.255.250", 1900)
WANTED: Final = "urn:dmtf-org:service:redfish-rest:1"
_HOPS: Final = 2
_TIMES: Final = 2  # datagrams get lost
_MOST: Final = 4096
_LARGEST: Final = 4096
_SIOCGIFADDR: Final = 0x8915  # netdevice(7)
_LONGEST_NAME: Final = 15


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A service that answered; its UUID is its own word."""

    address: Address
    uuid: str


async def search(
    *, seconds: float = 3.0, interface: str = "", to: tuple[str, int] = GROUP
) -> list[Answer]:
    """Return the Redfish services that answer within ``seconds``, each address once.

    ``interface`` chooses the network to ask in; without it the system's routes do.
    """
    listener = _Listener()
    channel = _channel(interface)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: listener, sock=channel
    )
    try:
        for _ in range(_TIMES):
            transport.sendto(_question(seconds, to), to)
            await asyncio.sleep(seconds / _TIMES)
    finally:
        transport.close()
    if listener.error and not listener.found:
        raise ConfigError(
            f"searching by SSDP: {listener.error}", hint="Give --interface, or a range instead."
        )
    return list(listener.found.values())


def _question(seconds: float, to: tuple[str, int]) -> bytes:
    lines = [
        "M-SEARCH * HTTP/1.1",
        f"HOST: {to[0]}:{to[1]}",
        'MAN: "ssdp:discover"',
        f"MX: {max(1, int(seconds) - 1)}",
        f"ST: {WANTED}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _channel(interface: str) -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        channel.setblocking(False)
        channel.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
        if interface:
            here = _address(channel, interface)
            channel.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        channel.bind(("", 0))
    except OSError as error:
        channel.close()
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise ConfigError(
            f"searching by SSDP on {interface or 'the default interface'}: {error.strerror}",
            hint=f"Interfaces of this machine: {known}.",
        ) from error
    return channel


def _address(channel: socket.socket, interface: str) -> bytes:
    """Return the IPv4 address of an interface, as four bytes; ``OSError`` if it has none."""
    question = struct.pack("256s", interface.encode()[:_LONGEST_NAME])
    return fcntl.ioctl(channel, _SIOCGIFADDR, question)[20:24]


class _Listener(asyncio.DatagramProtocol):
    """Collects answers; one that cannot be read is as good as none."""

    def __init__(self) -> None:
        self.found: dict[Address, Answer] = {}
        self.error = ""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take one answer."""
        if len(self.found) < _MOST and (answer := read(data[:_LARGEST], addr[0])):
            self.found.setdefault(answer.address, answer)

    def error_received(self, exc: Exception) -> None:
        """Note that a question did not get out."""
        self.error = getattr(exc, "strerror", None) or type(exc).__name__


def read(data: bytes, sender: str) -> Answer | None:
    """Return what the datagram ``data`` from ``sender`` tells, or None if it is no answer to us."""
    first, *lines = data.decode("latin-1").split("\n")
    if not re.match(r"HTTP/1\.[01] 200\b", first):
        return None
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().upper(): value.strip() for name, _, value in pairs}
    if not headers.get("ST", "").startswith(WANTED.rpartition(":")[0]):
        return None
    uuid = re.match(r"uuid:([0-9A-Fa-f-]{32,36})\b", headers.get("USN", ""))
    address = Address(host=sender, port=_port(headers.get("AL", "")))
    return Answer(address=address, uuid=uuid[1].lower() if uuid else "")


def _port(url: str) -> int:
    try:
        parts = urlsplit(url)
        return (parts.scheme == "https" and parts.port) or 443
    except ValueError:
        return 443
