"""The servers of a job: a YAML or CSV file that says where they are and what is wanted of them.

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

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from hwprofiles.documents import Document, read_document
from hwprofiles.errors import DocumentError, Problem
from hwprofiles.validation import validate
from provision.core import servers_checks, servers_csv
from provision.core.errors import ConfigError
from provision.core.servers_rows import (
    NAME,
    SCHEMA,
    Boot,
    Evidence,
    HttpAnswer,
    Media,
    SerialText,
    ServersFile,
    StrictModel,
    TcpAnswer,
    Wishes,
    mac_of,
    machine_at,
)

__all__ = [
    "SCHEMA",
    "Boot",
    "Evidence",
    "HttpAnswer",
    "Listed",
    "Media",
    "SerialText",
    "Server",
    "TcpAnswer",
    "mac_of",
    "machine_at",
    "read_listed",
    "read_servers",
]

#: Problems of one file that are told; who has more has the wrong file, or one wrong column.
_MOST_TOLD: Final = 100


class Listed(StrictModel):
    """One server as far as a file has to list it: what it is, where, and how to reach its BMC.

    ``serial`` and ``mac`` (that of the BMC's port) are what is expected; ``model`` and ``tags`` are
    there to be selected by. ``slot`` tells apart what shares one ``u``.
    """

    name: str = Field(pattern=NAME)
    bmc: str
    serial: str | None = None
    mac: str | None = None
    model: str | None = None
    tags: list[str] = Field(default_factory=list)
    rack: str | None = None
    u: int | None = None
    slot: str | None = None
    user: str | None = None
    password: str | None = None
    tls: Literal["auto", "ca", "pin", "insecure"] = "auto"
    ca_file: str | None = None
    timeout: int = 30

    @property
    def machine(self) -> str:
        """What tells it from the others: host and port of its BMC, and the system behind it."""
        return machine_at(self.bmc)


class Server(Listed):
    """One server with everything decided; what a run stores (references, no secrets)."""

    profile: str
    set_bios: bool = True
    boot: Boot = Boot()
    media: Media | None = None
    if_on: Literal["refuse", "power-off", "force-off"] = "refuse"
    evidence: Evidence

    @model_validator(mode="after")
    def _sensible(self) -> Server:
        if self.boot.device == "cd" and self.media is None:
            raise ValueError("boot.device is cd, and no media.image says which")
        return self


S = TypeVar("S", bound=Listed)


def read_servers(path: Path) -> list[Server]:
    """Return the servers of the file, defaults merged in and paths made absolute.

    Raises ``ConfigError`` with every problem of the file, each with its line (row) and column.
    """
    return _read(path, Server)


def read_listed(path: Path) -> list[Listed]:
    """Return the servers of a file that need not say what shall be installed on them.

    Raises ``ConfigError`` as ``read_servers`` does.
    """
    return _read(path, Listed)


def _read(path: Path, kind: type[S]) -> list[S]:
    try:
        return _servers(path, kind)
    except DocumentError as error:
        told = [str(problem) for problem in error.problems[:_MOST_TOLD]]
        if (more := len(error.problems) - len(told)) > 0:
            told.append(f"… and {more} more")
        raise ConfigError(
            f"reading the servers in {path}:\n" + "\n".join(told), hint="Mend what is named above."
        ) from error


def _servers(path: Path, kind: type[S]) -> list[S]:
    if path.suffix.lower() == ".csv":
        document, problems = servers_csv.read_csv(path)
    else:
        document, problems = read_document(path), []
    problems += servers_checks.twins(document)
    problems += servers_checks.strangers_commands(path, document)
    try:
        content = validate(document, ServersFile)
    except DocumentError as error:
        raise DocumentError([*problems, *error.problems]) from error
    found: list[S] = []
    for number, row in enumerate(content.servers):
        given = _merged(row, content.defaults, path)
        try:
            found.append(kind.model_validate(_for(kind, given)))
        except ValidationError as error:
            problems += _undecided(document, number, error)
    if problems:
        raise DocumentError(problems)
    return found


def _for(kind: type[Listed], given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in kind.model_fields}


def _undecided(document: Document, number: int, error: ValidationError) -> Iterator[Problem]:
    """Yield what a server still lacks, its own words and the defaults taken together."""
    for item in error.errors():
        name = ".".join(map(str, item["loc"]))
        told = item["msg"].removeprefix("Value error, ")
        if item["type"] == "missing":
            told = f"no {name}: give it in the server's row or under defaults"
        yield document.problem(("servers", number), told)


def _merged(row: Wishes, defaults: Wishes, path: Path) -> dict[str, Any]:
    given: dict[str, Any] = {
        **defaults.model_dump(exclude_none=True),
        **row.model_dump(exclude_none=True),
    }
    home = path.absolute().parent
    if given.get("password", "").startswith("file:"):
        given["password"] = "file:" + str(home / given["password"].removeprefix("file:"))
    if "ca_file" in given:
        given["ca_file"] = str(home / given["ca_file"])
    given = _named(given, given["name"])
    serial = given.get("evidence", {}).get("serial")
    if serial:
        serial["file"] = str(home / serial["file"])
    return given


def _named(given: Any, name: str) -> Any:
    """Put the server's name for ``{name}`` wherever a path or address holds it."""
    if isinstance(given, dict):
        return {
            key: value if key == "expect" else _named(value, name) for key, value in given.items()
        }
    return given.replace("{name}", name) if isinstance(given, str) else given
