"""``provision boot``: show or set what a server boots from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import access_from, access_options, on_bmc, output_option, rows, show

if TYPE_CHECKING:
    from provision.bmc.boot import BootSetting

_DEADLINE = 300.0
_DEVICES = ("usb", "cd", "disk", "pxe", "http", "sd", "setup")


@click.command("boot", short_help="Show or set what a server boots from.")
@click.argument("bmc", metavar="BMC")
@click.argument("action", type=click.Choice(["get", "set", "clear"]), default="get")
@click.argument("device", type=click.Choice(_DEVICES), required=False, metavar="[DEVICE]")
@click.option(
    "--once/--persistent",
    default=True,
    show_default=True,
    help="For the next start alone, or until it is changed.",
)
@click.option("--mode", type=click.Choice(["uefi", "bios"]), help="How the firmware shall boot it.")
@access_options
@output_option
def command(
    *,
    bmc: str,
    action: str,
    device: str | None,
    once: bool,
    mode: str | None,
    output: str,
    **access: Any,
) -> None:
    """Show or set what a server boots from.

    \b
    provision boot 10.0.0.7 get
    provision boot 10.0.0.7 set usb --once --mode uefi
    provision boot 10.0.0.7 clear

    DEVICE is one of usb, cd, disk, pxe, http, sd, setup. What the BMC made of it is read back and
    shown.
    """
    from provision.bmc import boot

    if (action == "set") is not bool(device):
        raise click.UsageError(
            "`set` wants a DEVICE: usb, cd, disk, pxe, http, sd or setup."
            if action == "set"
            else f"`{action}` takes no DEVICE."
        )
    where = access_from(bmc, deadline=_DEADLINE, **access)
    if action == "set":
        found = on_bmc(where, lambda it: boot.set_boot(it, str(device), once=once, mode=mode))
    else:
        found = on_bmc(where, boot.clear_boot if action == "clear" else boot.boot_setting)
    if found.note:
        click.echo(f"Note: {found.note}.", err=True)
    show(output, found.as_dict(), _text(found))


def _text(found: BootSetting) -> str:
    if not found.enabled or found.enabled == "Disabled":
        target = "no override: the server boots by its own order"
        pairs = [("boot from", target)]
    else:
        pairs = [("boot from", found.target), ("when", found.enabled)]
        pairs += [("mode", found.mode)] if found.mode else []
    return rows([*pairs, ("can be", ", ".join(found.allowed) or "not told")])
