"""``provision media``: show, insert or eject virtual media."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import access_from, access_options, on_bmc, output_option, rows, show

if TYPE_CHECKING:
    from provision.bmc.client import Access
    from provision.bmc.virtual_media import Slot

_DEADLINE = 300.0


@click.command("media", short_help="Show, insert or eject virtual media.")
@click.argument("bmc", metavar="BMC")
@click.argument("action", type=click.Choice(["list", "insert", "eject"]), default="list")
@click.argument("what", required=False, metavar="[URL|DRIVE]")
@access_options
@output_option
def command(bmc: str, action: str, what: str | None, output: str, **access: Any) -> None:
    """Show, insert or eject virtual media.

    \b
    provision media 10.0.0.7 list
    provision media 10.0.0.7 insert http://10.0.0.1/xen.iso
    provision media 10.0.0.7 eject [DRIVE]

    The BMC itself fetches the image from the URL. An image that is in a drive already is not
    inserted again; without DRIVE, every image is ejected.
    """
    if action == "insert" and not what:
        raise click.UsageError("`insert` wants the URL of an image.")
    if action == "list" and what:
        raise click.UsageError("`list` takes no URL or DRIVE.")
    where = access_from(bmc, deadline=_DEADLINE, **access)
    if action == "list":
        from provision.bmc.virtual_media import slots

        found = on_bmc(where, slots)
        show(output, [slot.as_dict() for slot in found], rows(map(_row, found)) or "no drives")
    elif action == "insert":
        _insert(where, str(what), output)
    else:
        _eject(where, what or "", output)


def _insert(where: Access, url: str, output: str) -> None:
    from provision.bmc.virtual_media import insert

    slot = on_bmc(where, lambda it: insert(it, url))
    show(output, slot.as_dict(), f"{slot.name} ← {slot.image}")


def _eject(where: Access, drive: str, output: str) -> None:
    from provision.bmc.virtual_media import eject

    gone = on_bmc(where, lambda it: eject(it, drive))
    text = "\n".join(f"{slot.name} → {slot.image or 'ejected'}" for slot in gone)
    show(output, [slot.as_dict() for slot in gone], text or "nothing was inserted")


def _row(slot: Slot) -> tuple[str, str]:
    kinds = "/".join(slot.media) or "unknown kind"
    return slot.name, f"{kinds}: {slot.image or ('something' if slot.inserted else 'empty')}"
