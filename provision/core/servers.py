"""The servers of a job: a YAML file that says where they are and what is wanted of them.

    schema: bareiron.servers/1
    defaults:
      user: admin
      password: file:bmc-password        # a reference, never the password; relative to this file
      profile: xen-4.17
      boot: {device: usb}
      evidence:
        serial: {file: "serial/{name}.log", expect: ["Xen version", "xl info"]}
        within: 600
    servers:
      - {name: r12-u01, bmc: 10.20.12.1, serial: 8XJ0201, rack: r12, u: 1}

``defaults`` fill what a server leaves out. ``{name}`` in a path or URL is the server's name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from provision.core.errors import ConfigError

SCHEMA = "bareiron.servers/1"

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="after")
    @classmethod
    def _printable(cls, value: object) -> object:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("a control character stands in it")
        return value


def _pattern(text: str) -> str:
    from hwprofiles import patterns

    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if trouble := patterns.problem(text):
        raise ValueError(trouble)
    return text


def machine_at(bmc: str) -> str:
    """Return one spelling for all addresses that lead to the same machine's BMC.

    Raises ``ValueError`` for what is no address, and for one that carries a password.
    """
    url = urlsplit(bmc if "://" in bmc else f"https://{bmc}")
    if "@" in url.netloc:
        raise ValueError("user and password do not belong into an address")
    if url.scheme != "https":
        raise ValueError("only https:// is spoken to BMCs")
    if not url.hostname or url.query or url.fragment:
        raise ValueError("no address of a BMC: HOST, HOST:PORT or https://HOST")
    path = url.path.rstrip("/")
    node = path if path not in ("", "/redfish", "/redfish/v1") else ""
    return f"{url.hostname.rstrip('.')}:{url.port or 443}{node}"


class Boot(_Strict):
    """What the server shall boot from. ``once`` leaves the persistent order as it was."""

    device: Literal["usb", "sd", "cd", "disk", "pxe"] = "usb"
    mode: Literal["uefi", "bios"] | None = None
    once: bool = False


class Media(_Strict):
    """A virtual CD: a URL the BMC itself can fetch; ``eject`` when the hypervisor is up."""

    image: str = Field(pattern=r"^(https?|nfs|cifs)://\S+$")
    eject: bool = False


class SerialText(_Strict):
    """Text on the serial console, in a file that grows; patterns must appear in this order."""

    file: str
    expect: Annotated[list[str], Field(min_length=1)]

    @field_validator("expect")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        return [_pattern(text) for text in value]


class TcpAnswer(_Strict):
    """A TCP port that accepts; with ``expect``, its first bytes must match."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    expect: str | None = None

    @field_validator("expect")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else _pattern(value)


class HttpAnswer(_Strict):
    """A URL that answers with ``status``; with ``expect``, its body must match."""

    url: str = Field(pattern=r"^https?://\S+$")
    status: int = 200
    expect: str | None = None
    verify: bool = True

    @field_validator("expect")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else _pattern(value)


class Evidence(_Strict):
    """How we know that the hypervisor is up: one of three, ``within`` so many seconds."""

    serial: SerialText | None = None
    tcp: TcpAnswer | None = None
    http: HttpAnswer | None = None
    within: Annotated[int, Field(ge=1, le=86_400)] = 900

    @model_validator(mode="after")
    def _exactly_one(self) -> Evidence:
        given = [kind for kind in ("serial", "tcp", "http") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("evidence wants exactly one of serial, tcp, http")
        return self


class Wishes(_Strict):
    """What may stand in ``defaults`` as well as in a server."""

    user: str | None = None
    password: str | None = None
    tls: Literal["auto", "ca", "pin", "insecure"] | None = None
    ca_file: str | None = None
    timeout: Annotated[int, Field(ge=1, le=3600)] | None = None
    profile: str | None = None
    set_bios: bool | None = None
    boot: Boot | None = None
    media: Media | None = None
    if_on: Literal["refuse", "power-off", "force-off"] | None = None
    evidence: Evidence | None = None

    @field_validator("password")
    @classmethod
    def _reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("file:"):
            raise ValueError("a reference is wanted (file:PATH), never the password itself")
        return value


class Row(Wishes):
    """One server as the file has it."""

    name: str = Field(pattern=_NAME)
    bmc: str = Field(min_length=1, max_length=300)
    serial: str | None = None
    rack: str | None = None
    u: Annotated[int, Field(ge=1, le=60)] | None = None

    @field_validator("bmc")
    @classmethod
    def _address(cls, value: str) -> str:
        machine_at(value)
        return value


class ServersFile(_Strict):
    """The whole file."""

    schema_: Literal["bareiron.servers/1"] = Field(alias="schema")
    defaults: Wishes = Wishes()
    servers: Annotated[list[Row], Field(min_length=1, max_length=10_000)]

    @field_validator("servers")
    @classmethod
    def _no_twins(cls, rows: list[Row]) -> list[Row]:
        for key in ("name", "bmc", "serial"):
            seen: dict[str, int] = {}
            for number, row in enumerate(rows, 1):
                value = machine_at(row.bmc) if key == "bmc" else getattr(row, key)
                if value is None:
                    continue
                if value in seen:
                    raise ValueError(
                        f"servers {seen[value]} and {number} have the same {key}: {value}"
                    )
                seen[value] = number
        return rows


class Server(_Strict):
    """One server with everything decided; what a run stores (references, no secrets)."""

    name: str = Field(pattern=_NAME)
    bmc: str
    serial: str | None = None
    rack: str | None = None
    u: int | None = None
    user: str | None = None
    password: str | None = None
    tls: Literal["auto", "ca", "pin", "insecure"] = "auto"
    ca_file: str | None = None
    timeout: int = 30
    profile: str
    set_bios: bool = True
    boot: Boot = Boot()
    media: Media | None = None
    if_on: Literal["refuse", "power-off", "force-off"] = "refuse"
    evidence: Evidence

    @property
    def machine(self) -> str:
        """What tells it from the others: host and port of its BMC, and the system behind it."""
        return machine_at(self.bmc)

    @model_validator(mode="after")
    def _sensible(self) -> Server:
        if self.boot.device == "cd" and self.media is None:
            raise ValueError("boot.device is cd, and no media.image says which")
        return self


def read_servers(path: Path) -> list[Server]:
    """Return the servers of the file, defaults merged in and paths made absolute.

    Raises ``ConfigError`` with every problem of the file, each with its line and column.
    """
    import hwprofiles
    from hwprofiles.loading import read_yaml

    try:
        document = read_yaml(path, ServersFile)
    except hwprofiles.DocumentError as error:
        raise ConfigError(
            f"reading the servers in {path}:\n{error}", hint="Mend what is named above."
        ) from error
    return [_decide(row, document.defaults, path) for row in document.servers]


def _decide(row: Row, defaults: Wishes, path: Path) -> Server:
    given: dict[str, Any] = {
        **defaults.model_dump(exclude_none=True),
        **row.model_dump(exclude_none=True),
    }
    home = path.absolute().parent
    if "password" in given:
        given["password"] = "file:" + str(home / given["password"].removeprefix("file:"))
    if "ca_file" in given:
        given["ca_file"] = str(home / given["ca_file"])
    given = _named(given, row.name)
    serial = given.get("evidence", {}).get("serial")
    if serial:
        serial["file"] = str(home / serial["file"])
    try:
        return Server.model_validate(given)
    except ValueError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'server'}: {item['msg']}"
            for item in error.errors()  # type: ignore[attr-defined]
        )
        raise ConfigError(
            f"reading the servers in {path}: {row.name}: {problems}",
            hint="Give it in the server's row or under defaults.",
        ) from error


def _named(given: Any, name: str) -> Any:
    """Put the server's name for ``{name}`` wherever a path or address holds it."""
    if isinstance(given, dict):
        return {
            key: value if key == "expect" else _named(value, name) for key, value in given.items()
        }
    return given.replace("{name}", name) if isinstance(given, str) else given
