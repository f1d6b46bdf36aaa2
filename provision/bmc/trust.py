"""Who is at the other end: certificates that a CA vouches for, or pinned at first sight.

The certificate is looked at in a handshake of its own, before any request and any credential.
What was accepted then is enforced on every later connection: the CA again, or that very
certificate.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aiohttp import Fingerprint

from provision.bmc import transport
from provision.bmc.address import Address
from provision.bmc.errors import IdentityChanged
from provision.bmc.known import Known, KnownBmcs, Trust, spelled
from provision.bmc.proxy import Proxy, tunnel
from provision.core.errors import ConfigError, IdentityError, Timeout, Unreachable
from provision.core.events import Event, Observer, Phase
from provision.core.text import clean

_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Tls(StrEnum):
    """How a BMC has to prove who it is."""

    AUTO = "auto"
    CA = "ca"
    PIN = "pin"
    INSECURE = "insecure"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How the BMC's identity was established, for records and reports."""

    authority: str
    how: str  # ca | pin | first-use | insecure
    sha256: str

    def as_dict(self) -> dict[str, str]:
        """Return the identity as records print it."""
        return {"address": self.authority, "how": self.how, "sha256": self.sha256}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the user asked for, and how long a handshake may take."""

    tls: Tls
    ca_file: Path | None
    timeout: float
    known: KnownBmcs
    proxy: Proxy | None = None


async def establish(
    address: Address, policy: Policy, observer: Observer
) -> tuple[Identity, ssl.SSLContext | Fingerprint]:
    """Look at the BMC's certificate, judge it, and return what its connections must show."""
    if policy.tls is Tls.INSECURE:
        return await _insecure(address, policy, observer)
    if policy.tls is Tls.PIN:
        return await _pinned(address, policy, observer)
    context = _vouched(policy.ca_file)
    known = await asyncio.to_thread(policy.known.find, address.authority)
    if known and known.trust is Trust.PIN and policy.tls is Tls.AUTO and not policy.ca_file:
        leaf = await _handshake(address, _unverified(), policy)
        if spelled(leaf) == known.sha256:
            return await _pinned(address, policy, observer, leaf)
    try:
        leaf = await _handshake(address, context, policy)
    except ssl.SSLCertVerificationError as error:
        return await _not_vouched(address, policy, observer, error)
    await asyncio.to_thread(policy.known.vouched, address.authority, spelled(leaf))
    return _identity(address, "ca", leaf), context


async def _not_vouched(
    address: Address, policy: Policy, observer: Observer, error: ssl.SSLCertVerificationError
) -> tuple[Identity, ssl.SSLContext | Fingerprint]:
    doing = f"checking the certificate of {address.authority}"
    if policy.tls is Tls.CA or policy.ca_file:
        # Whoever names the CA has said who vouches: no other proof will do.
        raise _untrusted(doing, address, error) from error
    return await _pinned(address, policy, observer)


def _untrusted(doing: str, address: Address, error: ssl.SSLCertVerificationError) -> IdentityError:
    if error.verify_code in _OTHER_NAME:
        return IdentityError(
            f"{doing}: it belongs to another host ({clean(error.verify_message)})",
            hint=f"Use the name in the certificate instead of {address.host}; if this is the "
            "right BMC, compare its fingerprint and use --tls pin.",
        )
    return IdentityError(f"{doing}: {clean(error.verify_message)}")


async def _pinned(
    address: Address, policy: Policy, observer: Observer, leaf: bytes | None = None
) -> tuple[Identity, Fingerprint]:
    leaf = leaf or await _handshake(address, _unverified(), policy)
    shown = spelled(leaf)
    pin, first = await asyncio.to_thread(policy.known.pin, address.authority, shown)
    if pin.sha256 != shown:
        raise _changed(address, policy, pin, shown)
    if first:
        _note(
            observer,
            address,
            f"first contact, no CA vouches for it: certificate pinned, SHA-256 {shown}",
        )
    return _identity(address, "first-use" if first else "pin", leaf), _only(leaf)


def _changed(address: Address, policy: Policy, pin: Known, shown: str) -> IdentityChanged:
    doing = f"checking the certificate of {address.authority}"
    now = f"it shows SHA-256 {shown}"
    then = f"on {pin.since:%Y-%m-%d}; see {policy.known.path}"
    if pin.trust is Trust.PIN:
        return IdentityChanged(f"{doing}: {now}, but {pin.sha256} was seen {then}")
    return IdentityChanged(
        f"{doing}: {now}, for which no CA vouches, but one vouched for {pin.sha256} {then}",
        hint="Give --ca-file if it was given then; otherwise find out why this changed before "
        "you remove the entry from that file.",
    )


async def _insecure(
    address: Address, policy: Policy, observer: Observer
) -> tuple[Identity, Fingerprint]:
    leaf = await _handshake(address, _unverified(), policy)
    _note(
        observer,
        address,
        "INSECURE: the certificate is not checked (--tls insecure); whoever is in between reads "
        f"the password; SHA-256 {spelled(leaf)}",
    )
    return _identity(address, "insecure", leaf), _only(leaf)


async def meet(
    address: Address, policy: Policy, observer: Observer, system: str, serial: str
) -> None:
    """Remember which server this BMC serves, and tell what is odd about it.

    A server with the same serial number behind another address may have moved, or somebody shows
    its name; another one behind the same address may be a new board. People know which.
    """
    if policy.tls is Tls.INSECURE or not serial:
        return
    met = await asyncio.to_thread(policy.known.meet, address.authority, system, serial)
    if met.before:
        _note(
            observer,
            address,
            f"another server than before: serial number {serial}, and {met.before} the last time",
        )
    if met.elsewhere:
        places = clean(", ".join(met.elsewhere), 120)
        key = ", with another certificate" if met.other_key else ""
        _note(observer, address, f"serial number {serial} was seen behind {places}{key}")


def _note(observer: Observer, address: Address, message: str) -> None:
    observer(Event(subject=address.authority, step="tls", phase=Phase.NOTE, message=message))


def _identity(address: Address, how: str, leaf: bytes) -> Identity:
    return Identity(authority=address.authority, how=how, sha256=spelled(leaf))


def _only(leaf: bytes) -> Fingerprint:
    return Fingerprint(hashlib.sha256(leaf).digest())


async def _handshake(address: Address, context: ssl.SSLContext, policy: Policy) -> bytes:
    """Return the certificate the BMC shows; certificate errors pass, others become ours."""
    doing = f"connecting to {address.authority}"
    try:
        async with asyncio.timeout(policy.timeout):
            _, writer = await _opened(address, context, policy.proxy)
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError as error:
        raise Timeout(f"{doing}: no answer within {policy.timeout:g} s") from error
    except ssl.SSLError as error:
        raise Unreachable(
            f"{doing}: no TLS there ({clean(error.reason or error)})",
            hint="Check that this is the BMC's HTTPS port; very old firmware speaks only "
            "protocols that are no longer safe.",
        ) from error
    except OSError as error:
        raise Unreachable(f"{doing}: {transport.reason(error)}") from error
    try:
        leaf = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if not isinstance(leaf, bytes):
        raise IdentityError(f"{doing}: it shows no certificate")
    return leaf


async def _opened(
    address: Address, context: ssl.SSLContext, proxy: Proxy | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if proxy:
        return await tunnel(proxy, address, context)
    return await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname=address.host
    )


@functools.cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only to look; _only() then holds it to what was seen
    return context


@functools.lru_cache(maxsize=16)
def _vouched(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise ConfigError(
            f"reading the CA file {ca_file}: no certificate in it",
            hint="Give the CA's certificate in PEM form.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"reading the CA file {ca_file}: {error.strerror}", hint="Check --ca-file."
        ) from error
