"""``provision profile new`` and ``schema``: a profile of one's own, begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from provision.cli.profile_text import load

if TYPE_CHECKING:
    from hwprofiles.starting import Start
    from provision.flow.sources import Machine

#: What a hypervisor's profile builds on, unless told otherwise: a 64-bit CPU, words for remedies.
_HOST: Final = "x86-host"


@click.command("schema", short_help="Print the JSON Schema of profiles, for editors.")
def schema() -> None:
    """Print the JSON Schema of profile files, for editors.

    \b
    provision profile schema > profile.schema.json

    With this line at its top, an editor that speaks YAML completes and checks a profile:

    \b
    # yaml-language-server: $schema=profile.schema.json
    """
    import json

    from hwprofiles import exporting

    click.echo(json.dumps(exporting.json_schema(), indent=1, ensure_ascii=False))


@click.command("new", short_help="Write a profile to begin with.")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--kind",
    type=click.Choice(["hypervisor", "server", "site"]),
    default="site",
    show_default=True,
    help="Who asks: a hypervisor, a server model of itself, or a site.",
)
@click.option("--extends", "base", metavar="NAME|FILE", help="The profile that it builds on.")
@click.option(
    "--from",
    "recording",
    metavar="FILE|DIR|-",
    help="For a server: a recorded machine of the model, which fills in what it is.",
)
@click.option("--title", help="What people call it.")
def new(path: Path, kind: str, base: str | None, recording: str | None, title: str | None) -> None:
    """Write a profile to begin with: what has to be there, and by its side what can be.

    \b
    provision profile new ours.yaml --kind site --extends esxi-8.0
    provision profile new r650.yaml --kind server --from dmidecode.txt

    It passes `provision profile lint` as it is. A file that is there is never overwritten.
    """
    if (recording is not None) is not (kind == "server"):
        raise click.UsageError(
            "A server profile is made --from a recorded machine of the model; others are not."
        )
    if kind == "site" and not base:
        raise click.UsageError("A site's profile --extends another one: which one?")
    if kind == "server" and base:
        raise click.UsageError("A server profile is made from its machine; it extends nothing yet.")
    start = _start(path, kind, title or "")
    if recording is not None:
        text = _server(start, recording)
    else:
        text = _extending(start, base or _HOST, path.parent)
    _write(path, text)
    click.echo(f"{path} is written. Next: edit it, then `provision profile lint {path}`.")


def _start(path: Path, kind: str, title: str) -> Start:
    """Return what goes into every profile; its id is the file's name, as far as that is one."""
    import re
    from datetime import UTC, datetime

    from hwprofiles import ProfileKind
    from hwprofiles.starting import Start

    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("._-")[:80]
    today = datetime.now(UTC).date()
    return Start(kind=ProfileKind(kind), name=name or "ours", title=title, day=today)


def _extending(start: Start, base: str, folder: Path) -> str:
    import os

    from hwprofiles import starting

    of = load(base)
    file = Path(of.files[-1])
    shipped = base == file.stem and base != str(file)
    return starting.extending(start, base if shipped else os.path.relpath(file, folder), of)


def _server(start: Start, recording: str) -> str:
    from hwprofiles import starting
    from provision.core.errors import ConfigError
    from provision.core.text import clean

    machine = _one(recording)
    where = "standard input" if recording == "-" else clean(Path(recording).name)
    try:
        return starting.server(start, machine.facts, where)
    except ValueError as error:
        raise ConfigError(
            f"making a profile of {recording}: {error}",
            hint="Give the output of dmidecode of such a server, read as root.",
        ) from error


def _one(recording: str) -> Machine:
    from provision.cli.shell import wait_for
    from provision.core.errors import ConfigError
    from provision.flow import sources

    machines = wait_for(sources.read(recording))
    if len(machines) != 1:
        raise ConfigError(
            f"making a profile of {recording}: {len(machines)} machines are in it",
            hint="Give the recording of one machine of the model.",
        )
    return machines[0]


def _write(path: Path, text: str) -> None:
    from provision.core.errors import ConfigError

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(
            f"writing {path}: it is there already, and is not overwritten",
            hint="Choose another name, or remove it first.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"writing {path}: {error.strerror}", hint="Choose a directory that may be written to."
        ) from error
