"""What was found, as files: a servers file to go on with, and a table for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provision.core.errors import ConfigError, Refused
from provision.core.servers import SCHEMA
from provision.core.servers_rows import NAME
from provision.core.text import clean
from provision.flow.discovery_found import Discovery, Found, State, in_words
from provision.flow.discovery_sources import HTTPS, Candidate

_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_COLUMNS: Final = ("name", "bmc", "serial", "mac", "rack", "u", "slot")
_TABLE: Final = (
    *("bmc", "state", "server", "product", "vendor", "redfish_version", "uuid", "platform"),
    *("sha256", "tls", "name", "mac", "source", "remarks"),
)
_HEAD: Final = """\
# Found by `provision discover` on {when}: {count} BMCs.
# A name you know, a serial number and a place make it harder to take one server for another.
schema: {schema}
defaults:
  # user: admin
  # password: file:bmc-password       # a reference, never the password: see docs/servers-file.md
  # profile: xen-4.17                 # this and evidence are for `provision run` alone
  # boot: {{device: usb}}
  # evidence: {{serial: {{file: "logs/{{name}}.log", expect: ["login:"]}}}}
  tls: auto
servers:
"""


class Exists(Refused):
    """The file is there already; what somebody wrote into it is not thrown away."""

    code = "file-exists"
    remedy = "Give another name, or move the old file away."


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One server to write down, and what is said of it in a remark."""

    values: Mapping[str, str | int]
    remark: str


def refuse_existing(path: Path) -> None:
    """Raise ``Exists`` before any work is done in vain."""
    if path.exists() or path.is_symlink():
        raise Exists(f"saving what is found to {path}: it is there already")


def save(path: Path, discovery: Discovery) -> int:
    """Write the BMCs found to a new servers file, CSV where it is called so; return their number.

    Of those compared to a servers file only the new ones are written. What a list expects and did
    not answer is written as well. Raises ``Exists``, and ``ConfigError`` for want of a place.
    """
    rows = list(_rows(discovery))
    text = _as_csv(rows) if path.suffix.lower() == ".csv" else _as_yaml(rows, discovery)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError as error:
        raise Exists(f"saving what was found to {path}: it is there already") from error
    except OSError as error:
        raise ConfigError(
            f"saving what was found to {path}: {error.strerror}",
            hint="Choose a directory that is there and may be written to.",
        ) from error
    return len(rows)


def _rows(discovery: Discovery) -> Iterator[_Row]:
    taken: set[str] = set()
    serials: set[str] = set()
    for one in discovery.found:
        if one.state in (None, State.NEW):
            yield _row(one.candidate, _remark(one), taken, serials)
    for absent in discovery.absent:
        if absent.candidate.source != "servers":
            remark = f"listed by {absent.candidate.source}, did not answer"
            yield _row(absent.candidate, remark, taken, serials)


def _row(candidate: Candidate, remark: str, taken: set[str], serials: set[str]) -> _Row:
    address = candidate.address
    bmc = address.authority if address.port != HTTPS else address.authority.rpartition(":")[0]
    name = _free(_name(candidate), taken)
    place = bool(candidate.rack and candidate.u)
    values: dict[str, str | int | None] = {
        "name": name,
        "bmc": bmc,
        "serial": _once(candidate.serial, serials),
        "mac": _once(candidate.mac, serials),
        "rack": candidate.rack,
        "u": candidate.u if place else None,
        "slot": candidate.slot,
    }
    return _Row(values={key: value for key, value in values.items() if value}, remark=remark)


def _once(value: str, before: set[str]) -> str:
    """Return ``value`` unless it was there before: twins would make the file useless."""
    if value.casefold() in before:
        return ""
    before.add(value.casefold())
    return value


def _name(candidate: Candidate) -> str:
    wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", candidate.name).strip("-._")[:60]
    if re.match(NAME, wanted):
        return wanted
    address = candidate.address
    host = re.sub(r"[^A-Za-z0-9]+", "-", address.host).strip("-")[:50]
    return f"bmc-{host}" + (f"-{address.port}" if address.port != HTTPS else "")


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def _remark(one: Found) -> str:
    """Return a line on what it is, and one on its certificate; each free of line breaks."""
    root = one.seen.root
    told = [
        in_words(one.seen),
        f"Redfish {root.redfish_version}" if root.redfish_version else "",
        f"UUID {root.uuid}" if root.uuid else "",
        *one.remarks,
    ]
    lines = [", ".join(filter(None, told))]
    lines += [f"certificate SHA-256 {one.seen.sha256}"] if one.seen.sha256 else []
    return "\n".join(map(clean, lines))


def _as_yaml(rows: list[_Row], discovery: Discovery) -> str:
    when = f"{discovery.at:%Y-%m-%d %H:%M} UTC"
    lines = [_HEAD.format(when=when, count=len(discovery.found), schema=SCHEMA)]
    for row in rows:
        pairs = ", ".join(f"{key}: {_scalar(value)}" for key, value in row.values.items())
        lines += [f"  # {line}\n" for line in row.remark.split("\n")]
        lines.append(f"  - {{{pairs}}}\n")
    return "".join(lines)


def _scalar(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_csv(rows: list[_Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(row.values.get(name)) for name in _COLUMNS] for row in rows)
    return out.getvalue()


def table(discovery: Discovery) -> str:
    """Return everything found, and what is missing, as CSV (RFC 4180) for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_TABLE)
    found = [one.as_dict() for one in discovery.found]
    for told in [*found, *(one.as_dict() for one in discovery.absent)]:
        told["remarks"] = "; ".join(told.get("remarks", ()))
        writer.writerow([_cell(told.get(name)) for name in _TABLE])
    return out.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
