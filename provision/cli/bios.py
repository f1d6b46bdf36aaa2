"""``provision bios``: show BIOS attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import access_from, access_options, on_bmc, output_option, rows, show

if TYPE_CHECKING:
    from hwprofiles.platforms import Scalar
    from provision.bmc.client import Bmc

_DEADLINE = 300.0
_WORDS = ("virtualization", "iommu", "sriov")


@click.command("bios", short_help="Show BIOS attributes.")
@click.argument("bmc", metavar="BMC")
@click.argument("names", nargs=-1, metavar="[get] [ATTRIBUTE]...")
@access_options
@output_option
def command(bmc: str, names: tuple[str, ...], output: str, **access: Any) -> None:
    """Show BIOS attributes.

    \b
    provision bios 10.0.0.7 get
    provision bios 10.0.0.7 get BootMode virtualization

    Attributes are named as this BMC names them; virtualization, iommu and sriov stand for whatever
    they are called there.
    """
    if names[:1] in (("set",), ("pending",), ("reset",)):
        raise click.UsageError("bios only shows; `provision run` sets what its profile asks for")
    names = names[1:] if names[:1] == ("get",) else names
    where = access_from(bmc, deadline=_DEADLINE, **access)
    found = on_bmc(where, lambda it: _attributes(it, names))
    show(output, found, rows((name, str(value)) for name, value in found.items()) or "none told")


async def _attributes(bmc: Bmc, names: tuple[str, ...]) -> dict[str, Scalar]:
    from provision.bmc import bios

    resource = await bios.resource(bmc)
    here = bios.scalars(resource)
    if not names:
        return dict(sorted(here.items()))
    wanted = list(names)
    if any(name in _WORDS for name in names):
        known = await bios.settings(bmc, resource)
        wanted = [known[name].attribute if name in known else name for name in names]
    if missing := [name for name in wanted if name not in here]:
        raise _unknown(bmc.name, missing, list(here))
    return {name: here[name] for name in wanted}


def _unknown(where: str, missing: list[str], known: list[str]) -> Exception:
    import difflib

    from provision.bmc.errors import NotSupported

    near = [match for name in missing for match in difflib.get_close_matches(name, known, 3)]
    hint = f"Near are: {', '.join(near)}." if near else f"See all with: provision bios {where} get"
    names = ", ".join(missing)
    return NotSupported(f"reading BIOS attributes at {where}: no attribute {names}", hint=hint)
