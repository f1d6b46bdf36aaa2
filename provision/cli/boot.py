"""``provision boot``: show or set what servers boot from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, reach_options, tell
from provision.cli.options import rows, talk
from provision.cli.verbs import operands, verbs, would_send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from provision.bmc.boot import BootSetting
    from provision.bmc.boot_order import BootOrder
    from provision.bmc.client import Bmc

_DEADLINE = 600.0
_MODE = click.option(
    "--mode", type=click.Choice(["uefi", "bios"]), help="How the firmware shall boot it."
)
_DEVICE = click.argument("device", metavar="DEVICE")


@verbs(
    "boot",
    default="get",
    aliases={"clear": "disable"},
    short_help="Show or set what servers boot from.",
)
def command() -> None:
    """Show or set what servers boot from.

    \b
    provision boot 10.0.0.7 get
    provision boot 10.0.0.7 once cd --mode uefi
    provision boot persistent usb --servers rack.yaml --limit rack=r12
    provision boot 10.0.0.7 order usb disk

    DEVICE is usb, cd, disk, pxe, http, sd or setup, or a boot option of the server: its reference,
    name or UEFI path. What the BMC made of it is read back and shown.
    """


@command.command("get")
@many_options
def get(output: str, **chosen: Any) -> int:
    """Show the override, if there is one."""
    from provision.bmc import boot

    return _run(boot.boot_setting, _text, output, chosen)


@command.command("once")
@_DEVICE
@many_options
@_MODE
@dry_run_option
def once(device: str, mode: str | None, dry_run: bool, output: str, **chosen: Any) -> int:
    """Boot from DEVICE at the next start alone."""
    return _set(device, output, chosen, once=True, mode=mode, dry_run=dry_run)


@command.command("persistent")
@_DEVICE
@many_options
@_MODE
@dry_run_option
def persistent(device: str, mode: str | None, dry_run: bool, output: str, **chosen: Any) -> int:
    """Boot from DEVICE from now on."""
    return _set(device, output, chosen, once=False, mode=mode, dry_run=dry_run)


@command.command("set", hidden=True)
@_DEVICE
@many_options
@click.option("--once/--persistent", "once_", default=True, show_default=True)
@_MODE
@dry_run_option
def set_(
    device: str, once_: bool, mode: str | None, dry_run: bool, output: str, **chosen: Any
) -> int:
    """Boot from DEVICE: the same as once or persistent."""
    return _set(device, output, chosen, once=once_, mode=mode, dry_run=dry_run)


@command.command("order")
@click.argument("devices", metavar="[DEVICE]...", nargs=-1)
@reach_options
@dry_run_option
def order(devices: tuple[str, ...], dry_run: bool, output: str, **chosen: Any) -> int:
    """Show the boot order, or put DEVICEs first; what is not named keeps its place behind them."""
    from provision.bmc.boot_order import get_order, set_order

    wanted = operands(chosen, devices)

    async def work(bmc: Bmc) -> BootOrder:
        if not wanted:
            return await get_order(bmc)
        return await set_order(bmc, wanted, dry_run=dry_run)

    def told(found: BootOrder) -> str:
        lines = [f"{at}. {option}" for at, option in enumerate(found.options, 1)]
        lines += ["in force from the next start on"] if found.pending else []
        return "\n".join([*lines, *([would_send(found.requests)] if dry_run else [])])

    return _run(work, told, output, chosen)


@command.command("disable")
@many_options
@dry_run_option
def disable(dry_run: bool, output: str, **chosen: Any) -> int:
    """Let the servers boot by their own order again."""
    from provision.bmc import boot

    async def work(bmc: Bmc) -> BootSetting:
        return await boot.clear_boot(bmc, dry_run=dry_run)

    return _run(work, _words(dry_run), output, chosen)


def _set(device: str, output: str, chosen: dict[str, Any], **how: Any) -> int:
    from provision.bmc import boot

    async def work(bmc: Bmc) -> BootSetting:
        return await boot.set_boot(bmc, device, **how)

    return _run(work, _words(how["dry_run"]), output, chosen)


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


def _words(dry_run: bool) -> Callable[[BootSetting], str]:
    def told(found: BootSetting) -> str:
        if not (dry_run and found.requests):
            return _text(found)
        note = f"\n{found.note}" if found.note not in ("", "nothing was sent") else ""
        return f"{would_send(found.requests)}{note}"

    return told


def _text(found: BootSetting) -> str:
    if not found.enabled or found.enabled == "Disabled":
        pairs = [("boot from", "no override: the server boots by its own order")]
    else:
        pairs = [("boot from", found.option or found.target), ("when", found.enabled)]
        pairs += [("mode", found.mode)] if found.mode else []
    pairs += [("note", found.note)] if found.note else []
    return rows([*pairs, ("can be", ", ".join(found.allowed) or "not told")])
