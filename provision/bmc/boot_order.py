"""The boot order: what the firmware tries, one after the other, when nothing overrides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provision.bmc import boot_options
from provision.bmc.boot_options import BootOption
from provision.bmc.boot_writing import BootChange, first_request, write
from provision.bmc.errors import NotSupported
from provision.bmc.intents import Request
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.core.text import clean


@dataclass(frozen=True, kw_only=True)
class BootOrder:
    """The order; ``pending`` where it comes into force at the next start alone."""

    options: tuple[BootOption, ...]
    pending: bool = False
    requests: tuple[Request, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the order as ``--output json`` prints it."""
        return {
            "order": [each.as_dict() for each in self.options],
            "pending": self.pending,
            "requests": [each.as_dict() for each in self.requests],
        }


async def get_order(bmc: Bmc) -> BootOrder:
    """Return the boot order; ``NotSupported`` where the BMC shows none."""
    return (await _read(bmc, f"reading the boot order at {bmc.name}"))[1]


async def _read(bmc: Bmc, doing: str) -> tuple[JsonObject, BootOrder, list[BootOption]]:
    system = await bmc.system()
    order = boot_options.order_of(system)
    if not order:
        raise NotSupported(
            f"{doing}: the BMC shows no boot order",
            hint="Use an override (provision boot BMC once DEVICE), or the firmware's setup.",
        )
    menu = await boot_options.options(bmc, system)
    return system, BootOrder(options=tuple(menu[: len(order)])), menu


async def set_order(
    bmc: Bmc, devices: Sequence[str], *, dry_run: bool = False, doing: str = ""
) -> BootOrder:
    """Put ``devices`` first, in their order; what is not named keeps its place behind them.

    A device is a boot option (reference, name or UEFI path), or a word of ours, which stands for
    all options of that kind. ``ConfigError`` where one is neither, ``NotSupported`` where no option
    is of that kind.
    """
    doing = doing or f"setting the boot order at {bmc.name}"
    system, now, menu = await _read(bmc, doing)
    words = tuple(bmc.platform.boot_targets)
    first: dict[str, BootOption] = {}
    for device in devices:
        boot_options.known_device(menu, device, words, doing)
        found = boot_options.meant(menu, device, words)
        if not found:
            raise NotSupported(
                f"{doing}: no boot option proves to be {clean(device, 60)}",
                hint="Start the server once with it in place, so that the firmware lists it, or "
                "name an option by its reference.",
            )
        if device not in words:
            found = [boot_options.exactly_one(found, device, doing)]
        first |= {each.reference: each for each in found if each.reference not in first}
    wanted = [*first.values(), *(each for each in now.options if each.reference not in first)]
    if wanted == list(now.options):
        return now
    return await _put(bmc, system, wanted, doing, dry_run=dry_run)


async def _put(
    bmc: Bmc, system: JsonObject, wanted: Sequence[BootOption], doing: str, *, dry_run: bool
) -> BootOrder:
    references = [each.reference for each in wanted]
    change = BootChange(
        system=system,
        variants=[{"BootOrder": references}],
        in_settings=bmc.platform.quirks.boot_order_in_settings,
        took=lambda body: boot_options.order_of(body) == tuple(references),
        shown=lambda body: clean(", ".join(boot_options.order_of(body)) or "no order", 200),
        doing=doing,
    )
    if dry_run:
        return BootOrder(options=tuple(wanted), requests=(first_request(change),))
    written = await write(bmc, change)
    return BootOrder(options=tuple(wanted), pending=written.pending, requests=(written.request,))
