"""``provision inventory``: what a server is, over Redfish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import access_from, access_options, on_bmc, output_option, rows, show

if TYPE_CHECKING:
    from hwprofiles.facts import FactBook

_DEADLINE = 600.0


@click.command("inventory", short_help="Show what a server is, over Redfish.")
@click.argument("bmc", metavar="BMC")
@access_options
@output_option
def command(bmc: str, output: str, **access: Any) -> None:
    """Show what a server is, over Redfish.

    BMC is an address: 10.0.0.7, bmc.example:8443, https://10.0.0.7, or that of one system where
    the BMC has several. What the BMC does not tell is not shown. With --output json each fact says
    where it was read; the result is a list with one object per system.
    """
    from hwprofiles.facts import as_dict
    from provision.bmc.inventory import read_facts

    facts = on_bmc(access_from(bmc, deadline=_DEADLINE, **access), read_facts)
    show(output, [as_dict(facts)], rows(_lines(facts)))


def _lines(facts: FactBook) -> list[tuple[str, str]]:
    from hwprofiles.facts import CATALOGUE, shown

    power = next((fact.power_state for fact in facts.values() if fact.power_state), "not told")
    told = [(name, shown(name, facts[name].value)) for name in CATALOGUE if name in facts]
    return [("power", power), *told]
