"""Addresses of BMCs as people write them, and of resources as BMCs write them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from provision.bmc.errors import BadReply, ClearText
from provision.core.errors import ConfigError
from provision.core.text import clean

ROOT = "/redfish/v1"
_LONGEST = 2048
#: Neither white space nor control characters, and ASCII alone: paths are shown to people.
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|\\")
_ANY = re.DOTALL | re.IGNORECASE


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a BMC is; ``system`` names one of its computer systems where it has several."""

    host: str
    port: int = 443
    system: str = ""

    @property
    def authority(self) -> str:
        """``host:port``, the name under which the BMC's certificate is remembered."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL that every request to this BMC begins with."""
        return f"https://{self.authority}"


def parse(text: str) -> Address:
    """Return the address in ``10.0.0.7``, ``bmc.example:8443`` or ``https://…``.

    A URL may go on to one computer system: ``https://10.0.0.7/redfish/v1/Systems/Node0``.
    """
    text = text.strip()
    doing = f"reading the BMC's address {_shown(text)!r}"
    if "@" in text:  # before anything else looks at it, and quotes what may be a password
        raise _malformed(doing, "a user name does not belong there (use --user)")
    bare_ipv6 = text.count(":") > 1 and "/" not in text and "[" not in text
    full = f"//[{text}]" if bare_ipv6 else text if "://" in text else f"//{text}"
    try:
        parts = urlsplit(full, scheme="https")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _malformed(doing, str(error)) from error
    if parts.scheme == "http":
        raise ClearText(f"{doing}: http:// would send the password unencrypted")
    problem = _problem(parts.scheme, host, parts.query + parts.fragment, text)
    if problem or not host:
        raise _malformed(doing, problem or "no host in it")
    return Address(host=host, port=443 if port is None else port, system=_system(parts.path, doing))


def _shown(text: str) -> str:
    """Return the address as messages show it: what stands before an @ may be a password."""
    return clean(re.sub(r"^([a-z0-9+.-]{1,20}://)?.*@", r"\1***@", text, flags=_ANY), 100)


def _problem(scheme: str, host: str | None, rest: str, text: str) -> str:
    if scheme != "https":
        return f"cannot speak {clean(scheme, 20)}"
    if rest:
        return "a query or fragment does not belong there"
    return "no host in it" if not host or _FORBIDDEN.search(text) else ""


def _system(path: str, doing: str) -> str:
    path = path.rstrip("/")
    if path.lower() in ("", "/redfish", ROOT):
        return ""
    if not re.fullmatch(r"/redfish/v1/Systems/[^/]+", path, re.IGNORECASE):
        raise _malformed(doing, f"nothing for us at {clean(path, 100)}")
    return path


def _malformed(doing: str, why: str) -> ConfigError:
    return ConfigError(
        f"{doing}: {why}",
        hint="Write it as 10.0.0.7, bmc.example:8443 or https://10.0.0.7.",
    )


@functools.lru_cache(maxsize=4096)
def resource(target: str, authority: str) -> str:
    """Return the path (and query) of a link that the BMC ``authority`` gave, or refuse it.

    Only paths on the same origin are followed: a link elsewhere would carry the session there.
    """
    doing = f"following a link of {authority}"
    if not target or len(target) > _LONGEST:
        raise BadReply(f"{doing}: it is no address ({clean(target, 60)!r})")
    try:
        parts = urlsplit(target)
        absolute = bool(parts.scheme or parts.netloc)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        raise BadReply(f"{doing}: {clean(target, 120)!r} is no address") from error
    if absolute and (
        parts.scheme != "https" or Address(host=host, port=port).authority != authority
    ):
        raise BadReply(f"{doing}: {clean(target, 120)!r} leads to another host")
    return _checked(parts.path, parts.query, doing)


def own_path(location: str, authority: str) -> str:
    """Return the path of a ``Location`` header, whatever name the BMC gives itself in it."""
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise BadReply(f"reading a Location of {authority}: it is no address") from error
    return _checked(parts.path, parts.query, f"reading a Location of {authority}")


def _checked(path: str, query: str, doing: str) -> str:
    full = f"{path}?{query}" if query else path
    bad = (
        not path.startswith("/")
        or path.startswith("//")
        or _FORBIDDEN.search(full)
        or ".." in unquote(unquote(path)).split("/")
    )
    if bad:
        raise BadReply(f"{doing}: {clean(full, 120)!r} is not a path we follow")
    return full
