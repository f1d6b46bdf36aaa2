"""``provision image``: build images of our own, and say what an image is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.core.events import Event
from provision.core.text import binary, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.media.build.xen import BuildReport
    from provision.media.identify import ImageInfo

_UNITS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


class Size(click.ParamType[int]):
    """A size in bytes, or with KiB, MiB or GiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turn ``32MiB`` into 33554432."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,15})\s*([KMG]iB)?", str(value), re.IGNORECASE)
        if not match:
            self.fail(f"{value!r} is no size: give bytes, or 32MiB, 1GiB …", param, ctx)
        return int(match[1]) * _UNITS[(match[2] or "").upper()]


@click.group()
def command() -> None:
    """Build and inspect hypervisor images."""


@command.command()
@click.argument("kind", type=click.Choice(["xen"]))
@click.option("-o", "output", metavar="FILE", required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "shape",
    type=click.Choice(["gpt", "iso"]),
    help="gpt: a disk image for sticks and cards; iso: for virtual media. "
    "Default: iso if FILE ends with .iso, else gpt.",
)
@click.option("--size", type=Size(), help="Size of the disk image.  [default: 32MiB]")
@click.option("--append-xen", metavar="ARGS", default="", help="More arguments for Xen.")
@click.option("--append", metavar="ARGS", default="", help="More arguments for dom0's kernel.")
@click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where fetched packages are kept.",
)
@click.option("--output", "style", type=click.Choice(["text", "json"]), default="text")
def build(  # noqa: PLR0917 - click hands over by name
    kind: str,
    output: Path,
    shape: str | None,
    size: int | None,
    append_xen: str,
    append: str,
    cache: Path | None,
    style: str,
) -> None:
    """Build a bootable hypervisor image from Debian packages.

    Writes FILE, and FILE.sha256 beside it, where `provision flash` looks for the digest. Needs no
    root. The same packages and options give the same bytes.

    \b
    provision image build xen -o xen.img
    provision image build xen -o xen.iso
    """
    from provision.media.build import xen

    shape = shape or ("iso" if output.suffix.lower() == ".iso" else "gpt")
    if shape == "iso" and size is not None:
        raise click.UsageError("--size is for disk images; an ISO is as large as its content.")
    report = xen.build(
        output,
        format=shape,
        size=xen.DEFAULT_SIZE if size is None else size,
        append_xen=append_xen,
        append=append,
        cache=cache,
        observer=_tell,
    )
    if style == "json":
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _show_build(report)


def _tell(event: Event) -> None:
    click.echo(f"{event.subject}: {event.message}", err=True)


def _show_build(report: BuildReport) -> None:
    click.echo(f"{report.path}  {report.size} bytes ({binary(report.size)}), {report.format}")
    click.echo(f"  sha256  {report.sha256}  (in {report.digest_file})")
    for name, version in report.components.items():
        click.echo(f"  {name:<13} {version}")
    others = len(report.manifest) - len(report.components)
    click.echo(f"  and {others} more packages (--output json, or boot/manifest.txt in the image)")
    click.echo("Next:")
    if report.format == "iso":
        click.echo("  serve it over HTTP, then: provision media BMC insert URL")
    else:
        click.echo(f"  provision flash {report.path} /dev/sdX")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--output", "style", type=click.Choice(["text", "json"]), default="text")
def inspect(file: Path, style: str) -> None:
    """Say what an image is: format, partitions, what boots it, which hypervisor."""
    from provision.media.identify import identify

    info = identify(file)
    if style == "json":
        click.echo(json.dumps({"schema": "bareiron.image/1", **info.as_dict()}, indent=2))
        return
    click.echo(f"{clean(file)}: {info.summary()}")
    for name, value in _rows(info):
        click.echo(f"  {name:<12} {clean(value)}")


def _rows(info: ImageInfo) -> Iterator[tuple[str, str]]:
    if info.size is None:
        yield "size", "unknown without unpacking all of it"
    else:
        yield (
            "size",
            f"{info.size} bytes"
            + (
                f", packed {info.stored_size} as {info.format}"
                if info.size != info.stored_size
                else ""
            ),
        )
    if info.sha256:
        yield "sha256", info.sha256
    if info.content_sha256 != info.sha256 and info.content_sha256:
        yield "unpacked", info.content_sha256
    for part in info.partitions:
        name = f"partition {part.number}"
        yield name, f"{binary(part.size)} at {part.start}  {part.name}"
    yield "stick", _boots(info.boots_bios, info.boots_uefi)
    yield "CD", _boots("bios" in info.el_torito, "uefi" in info.el_torito)
    yield "hypervisor", info.hypervisor or "not recognised"
    for warning in info.warnings:
        yield "note", warning


def _boots(bios: bool, uefi: bool | None) -> str:
    how = [*(["BIOS"] if bios else []), *(["UEFI"] if uefi else [])]
    if uefi is None:
        return "boots BIOS; UEFI unknown" if bios else "unknown"
    return f"boots by {' and '.join(how)}" if how else "does not boot"
