"""What may stand in a servers file: the models of its rows and of its defaults."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from provision.core.references import trouble_with

SCHEMA: Final = "bareiron.servers/1"
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MOST_SERVERS: Final = 10_000

_MAC: Final = re.compile(
    r"(?:[0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})"
)


class StrictModel(BaseModel):
    """Frozen, without unknown keys, without control characters in its texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="after")
    @classmethod
    def _printable(cls, value: object) -> object:
        texts = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(text, str) and not text.isprintable() for text in texts):
            raise ValueError("a control character stands in it")
        return value


def _pattern(text: str) -> str:
    from hwprofiles import patterns

    if trouble := patterns.problem(text):
        raise ValueError(trouble)
    return text


def machine_at(bmc: str) -> str:
    """Return one spelling for all addresses that lead to the same machine's BMC.

    Raises ``ValueError`` for what is no address, and for one that carries a password.
    """
    if bmc.count(":") > 1 and "/" not in bmc and "[" not in bmc:
        bmc = f"[{bmc}]"  # an IPv6 address as people write it
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


def mac_of(text: str) -> str:
    """Return a MAC address as ``aa:bb:cc:dd:ee:ff``, however it is written, or ``ValueError``."""
    text = text.strip().lower()
    if not _MAC.fullmatch(text):
        raise ValueError("no MAC address: six bytes such as aa:bb:cc:dd:ee:ff")
    return bytes.fromhex(re.sub(r"[:.-]", "", text)).hex(":")


class Boot(StrictModel):
    """What the server shall boot from. ``once`` leaves the persistent order as it was."""

    device: Literal["usb", "sd", "cd", "disk", "pxe"] = "usb"
    mode: Literal["uefi", "bios"] | None = None
    once: bool = False


class Media(StrictModel):
    """A virtual CD: a URL the BMC itself can fetch; ``eject`` when the hypervisor is up."""

    image: str = Field(pattern=r"^(https?|nfs|cifs)://\S+$")
    eject: bool = False


class SerialText(StrictModel):
    """Text on the serial console, in a file that grows; patterns must appear in this order."""

    file: str
    expect: Annotated[list[str], Field(min_length=1)]

    @field_validator("expect")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        return [_pattern(text) for text in value]


class TcpAnswer(StrictModel):
    """A TCP port that accepts; with ``expect``, its first bytes must match."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    expect: str | None = None

    @field_validator("expect")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else _pattern(value)


class HttpAnswer(StrictModel):
    """A URL that answers with ``status``; with ``expect``, its body must match."""

    url: str = Field(pattern=r"^https?://\S+$")
    status: int = 200
    expect: str | None = None
    verify: bool = True

    @field_validator("expect")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else _pattern(value)


class Evidence(StrictModel):
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


class Wishes(StrictModel):
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
        if value is not None and (trouble := trouble_with(value)):
            raise ValueError(trouble)
        return value


class Row(Wishes):
    """One server as the file has it."""

    name: str = Field(pattern=NAME)
    bmc: str = Field(min_length=1, max_length=300)
    serial: str | None = None
    mac: str | None = None
    model: str | None = None
    tags: list[Annotated[str, Field(pattern=NAME)]] | None = None
    rack: str | None = None
    u: Annotated[int, Field(ge=1, le=60)] | None = None
    slot: str | None = None

    @field_validator("bmc")
    @classmethod
    def _address(cls, value: str) -> str:
        machine_at(value)
        return value

    @field_validator("mac")
    @classmethod
    def _six_bytes(cls, value: str | None) -> str | None:
        return value if value is None else mac_of(value)


class ServersFile(StrictModel):
    """The whole file."""

    schema_: Literal["bareiron.servers/1"] = Field(alias="schema")
    defaults: Wishes = Wishes()
    servers: Annotated[list[Row], Field(min_length=1, max_length=MOST_SERVERS)]
