"""``provision media``: show, insert or eject virtual media."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, reach_options, tell
from provision.cli.options import rows, talk
from provision.cli.verbs import operands, verbs, would_send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from provision.bmc.client import Bmc
    from provision.bmc.virtual_media import Slot

_DEADLINE = 600.0


@verbs("media", default="list", short_help="Show, insert or eject virtual media.")
def command() -> None:
    """Show, insert or eject virtual media.

    \b
    provision media 10.0.0.7 list
    provision media 10.0.0.7 insert http://10.0.0.1/xen.iso
    provision media 10.0.0.7 eject [DRIVE]

    The BMC itself fetches the image from the URL. An image that is in a drive already is not
    inserted again; without DRIVE, every image is ejected.
    """


@command.command("list")
@many_options
def list_(output: str, **chosen: Any) -> int:
    """Show the virtual drives."""
    from provision.bmc.virtual_media import slots

    async def work(bmc: Bmc) -> list[Slot]:
        return await slots(bmc)

    return _run(work, lambda found: rows(map(_row, found)) or "no drives", output, chosen)


@command.command("insert")
@click.argument("url", metavar="URL")
@many_options
@click.option("--as", "kind", type=click.Choice(["cd", "usb"]), default="cd", show_default=True)
@click.option("--drive", metavar="NAME", default="", help="This drive, and no other.")
@click.option("--image-user", metavar="NAME", default="", help="User at the image's server.")
@click.option("--image-password-file", metavar="FILE", help="Its password, on the first line.")
@click.option("--no-check", is_flag=True, help="Do not ask the image's server from here first.")
@dry_run_option
def insert(
    *,
    url: str,
    kind: Literal["cd", "usb"],
    drive: str,
    image_user: str,
    image_password_file: str | None,
    no_check: bool,
    dry_run: bool,
    output: str,
    **chosen: Any,
) -> int:
    """Put the image at URL into a virtual drive.

    The image's server is asked from here first, whether it serves what BMCs need; what is found is
    a warning, since the BMC looks from elsewhere.
    """
    from provision.bmc import virtual_media
    from provision.bmc.virtual_media import MediaWish
    from provision.core.secrets import read_secret

    secret = read_secret(image_password_file) if image_password_file else None
    wish = MediaWish(kind=kind, drive=drive, user=image_user, password=secret)
    if not no_check:
        _check(url)

    async def work(bmc: Bmc) -> Slot:
        return await virtual_media.insert(bmc, url, wish, dry_run=dry_run)

    def told(slot: Slot) -> str:
        return would_send(slot.requests) if dry_run and slot.requests else _held(slot)

    return _run(work, told, output, chosen)


def _held(slot: Slot) -> str:
    return f"{slot.name} ← {slot.image}"


def _check(url: str) -> None:
    from provision.bmc import media_check
    from provision.cli.shell import wait_for
    from provision.core.secrets import redact

    for warning in wait_for(media_check.check(url)).warnings:
        click.echo(redact(f"Warning: {warning}.", data=True), err=True)


@command.command("eject")
@click.argument("drives", metavar="[DRIVE]", nargs=-1)
@reach_options
@dry_run_option
def eject(drives: tuple[str, ...], dry_run: bool, output: str, **chosen: Any) -> int:
    """Take images out of the virtual drives, or out of the one called DRIVE."""
    from provision.bmc import virtual_media

    named = operands(chosen, drives)
    if len(named) > 1:
        raise click.UsageError("`eject` takes one DRIVE, or all.")

    async def work(bmc: Bmc) -> list[Slot]:
        return await virtual_media.eject(bmc, "".join(named), dry_run=dry_run)

    def told(gone: list[Slot]) -> str:
        if dry_run and gone:
            return "\n".join(would_send(slot.requests) for slot in gone)
        lines = (f"{slot.name} → {slot.image or 'ejected'}" for slot in gone)
        return "\n".join(lines) or "nothing was inserted"

    return _run(work, told, output, chosen)


def _run(
    work: Callable[[Bmc], Awaitable[Any]],
    text: Callable[[Any], str],
    output: str,
    chosen: dict[str, Any],
) -> int:
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    accesses = bmcs_from(deadline=_DEADLINE, **chosen)
    seen = wait_for(connected(accesses, lambda bmc, _: work(bmc), talk))
    return tell(output, seen, text)


def _row(slot: Slot) -> tuple[str, str]:
    kinds = "/".join(slot.media) or "unknown kind"
    return slot.name, f"{kinds}: {slot.image or ('something' if slot.inserted else 'empty')}"
