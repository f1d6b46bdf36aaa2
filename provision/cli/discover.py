"""``provision discover``: which BMCs are there."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from provision.core.events import Event
    from provision.flow.discovery import Request
    from provision.flow.discovery_found import Discovery
    from provision.flow.discovery_netbox import NetBox

_WIDTH: Final = 80
_REDRAW: Final = 0.1  # seconds
_MOST_PORTS: Final = 1000
_FILE = click.Path(path_type=Path)


def _ports(words: Sequence[str]) -> Iterator[int]:
    for word in words:
        first, _, last = word.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise click.BadParameter(f"{word!r} is no port: 443 or 8000-8015 is wanted")
        low, high = int(first), int(last or first)
        if not 0 < low <= high < 65536 or high - low >= _MOST_PORTS:
            raise click.BadParameter(
                f"{word!r}: ports go from 1 to 65535, and {_MOST_PORTS} at most are looked at"
            )
        yield from range(low, high + 1)


@click.command("discover", short_help="Find BMCs: in ranges, leases, by SSDP, from lists.")
@click.argument("ranges", metavar="[RANGE]...", nargs=-1)
@click.option(
    "--leases",
    metavar="FILE",
    type=_FILE,
    multiple=True,
    help="A lease file of dnsmasq, ISC dhcpd or Kea. May be repeated.",
)
@click.option("--ssdp", is_flag=True, help="Ask the local network by multicast, too.")
@click.option("--interface", metavar="NAME", help="With --ssdp: the network to ask in.")
@click.option(
    "--from-csv",
    metavar="FILE",
    type=_FILE,
    multiple=True,
    help="BMCs of a servers file in CSV (or YAML), expected to be there. May be repeated.",
)
@click.option("--netbox", metavar="URL", help="Devices of this NetBox, by their OOB IP.")
@click.option("--netbox-token-file", metavar="FILE|-", help="File (mode 0600) with its API token.")
@click.option(
    "--netbox-filter",
    metavar="KEY=VALUE",
    multiple=True,
    help="Choose its devices, such as site=ber1. May be repeated.",
)
@click.option("--netbox-ca-file", metavar="FILE", type=_FILE, help="The CA that vouches for it.")
@click.option(
    "--servers",
    metavar="SERVERS.yaml",
    type=_FILE,
    help="Compare with this servers file; without a range, look at its BMCs.",
)
@click.option("--save", metavar="FILE", type=_FILE, help="Write a new servers file (YAML or .csv).")
@click.option(
    "--port",
    "ports",
    metavar="PORT[-PORT]",
    multiple=True,
    callback=lambda _context, _option, words: tuple(_ports(words)),
    help="HTTPS port to look at, or several; 443 by default. May be repeated.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 5000),
    default=200,
    show_default=True,
    help="New addresses a second.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 1000),
    default=256,
    show_default=True,
    help="How many addresses at a time.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 120),
    default=10,
    show_default=True,
    help="How long a BMC may take over its answer.",
)
@click.option("--large", is_flag=True, help="Allow more addresses than a /16 has.")
@click.option("--long", "long_", is_flag=True, help="Show UUIDs and whole fingerprints.")
@click.option(
    "--output", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True
)
def command(*, save: Path | None, long_: bool, output: str, **chosen: Any) -> int:
    """Find BMCs, without a password: by the Redfish service root, which every one shows.

    \b
    provision discover 10.20.12.0/24 --save rack12.yaml
    provision discover 10.20.12.0/24 --servers rack12.yaml
    provision discover --leases /var/lib/misc/dnsmasq.leases --ssdp

    RANGE is a prefix (10.20.12.0/24), a span (10.20.12.5-40), an address or a host name. Each
    address is asked once, certificates are shown and not trusted. The exit status is 10 if no BMC
    was found; 20 if an expected one is missing or, with --servers, one is new or elsewhere; 8 if
    one shows another certificate than it did before.
    """
    from provision.cli.shell import wait_for
    from provision.flow import discovery, discovery_files

    request = _request(**chosen)
    if save:
        discovery_files.refuse_existing(save)
    counter = _Counter()
    try:
        found = wait_for(discovery.discover(request, counter))
    finally:
        counter.close()
    _show(found, output, long_=long_)
    if save and (found.found or found.absent):
        count = discovery_files.save(save, found)
        click.echo(f"{save}: {count} servers written; add users and places.", err=True)
    return _status(found)


def _request(
    *,
    netbox: str | None,
    netbox_token_file: str | None,
    netbox_filter: tuple[str, ...],
    netbox_ca_file: Path | None,
    rate: float,
    parallel: int,
    timeout: float,
    interface: str | None,
    **more: Any,
) -> Request:
    from provision.bmc.discover import Pace
    from provision.flow.discovery import Request

    if interface and not more["ssdp"]:
        raise click.UsageError("--interface goes with --ssdp.")
    if not netbox and (netbox_token_file or netbox_filter or netbox_ca_file):
        raise click.UsageError("--netbox-… goes with --netbox URL.")
    if not (netbox or any(more[key] for key in _SOURCES)):
        raise click.UsageError(
            "Say where to look: a RANGE such as 10.20.12.0/24, --leases FILE, --ssdp, "
            "--from-csv FILE, --netbox URL, or --servers FILE."
        )
    port = next(iter(more["ports"]), 443)
    source = _netbox(netbox, netbox_token_file, netbox_filter, netbox_ca_file, port)
    pace = Pace(timeout=timeout, rate=rate, at_once=_files(parallel))
    return Request(netbox=source, interface=interface or "", pace=pace, **more)


_SOURCES: Final = ("ranges", "leases", "ssdp", "from_csv", "servers")


def _files(parallel: int) -> int:
    """Return how many connections may be open at once, given how many files may."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return parallel if soft == resource.RLIM_INFINITY else max(1, min(parallel, soft - 64))


def _netbox(
    url: str | None,
    token_file: str | None,
    filters: tuple[str, ...],
    ca_file: Path | None,
    port: int,
) -> NetBox | None:
    from provision.core.secrets import read_secret
    from provision.flow.discovery_netbox import NetBox, parse_query

    if not url:
        return None
    if not token_file:
        raise click.UsageError("--netbox wants --netbox-token-file FILE (or - for standard input).")
    return NetBox(
        url=url,
        token=read_secret(token_file),
        query=parse_query(filters),
        ca_file=ca_file,
        port=port,
    )


class _Counter:
    """Tells on standard error what is found as it is found, and how far the search is."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = ""
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        from provision.core.events import Phase

        if event.phase is Phase.NOTE:
            self._clear()
            self._say(f"{event.subject:22} {event.message}"[:_WIDTH] + "\n")
        elif self._live and event.phase is Phase.PROGRESS and time.monotonic() >= self._next:
            self._clear()
            self._shown = f"{event.done} of {event.total} addresses looked at, {event.message}"
            self._say(self._shown)
            self._next = time.monotonic() + _REDRAW

    def _clear(self) -> None:
        if self._shown:
            self._say("\r" + " " * len(self._shown) + "\r")
            self._shown = ""

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it: the result still counts
            click.echo(text, err=True, nl=False)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        self._clear()


def _show(found: Discovery, output: str, *, long_: bool) -> None:
    from provision.cli import discover_text
    from provision.cli.options import show
    from provision.flow import discovery_files

    if output == "csv":
        click.echo(discovery_files.table(found), nl=False)
    elif output == "json" or found.found or found.absent:
        show(output, found.as_dict(), discover_text.table(found, long_=long_))
    for line in discover_text.afterwards(found):
        click.echo(line, err=True)


def _status(found: Discovery) -> int:
    from provision.cli import discover_text
    from provision.cli.shell import tell
    from provision.core.errors import Exit, Unreachable

    if any(one.changed for one in found.found):
        return Exit.IDENTITY
    if not found.found:
        tell(
            Unreachable(
                f"looking for BMCs at {discover_text.addresses(found)}: none answered as one",
                hint="Check the range, the VLAN this machine is in, and the port (--port).",
            )
        )
        return Exit.UNREACHABLE
    return Exit.CHANGES if found.differs else Exit.OK
