"""``provision inventory``: what servers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import output_option, rows, show, talk
from provision.cli.targets import target_options, targets_from

_WIDTH = 80

if TYPE_CHECKING:
    from hwprofiles.facts import Facts
    from provision.flow.sources import Machine


@click.command("inventory", short_help="Show what servers are, live or recorded.")
@target_options
@output_option
def command(output: str, **chosen: Any) -> int:
    """Show what servers are: over Redfish, of this machine, or as they were recorded.

    \b
    provision inventory 10.0.0.7 --user admin
    provision inventory --local
    provision inventory --from dmidecode.txt --from cpuid.txt --merge

    BMC is an address: 10.0.0.7, bmc.example:8443, https://10.0.0.7, or that of one system where
    the BMC has several. What is not told is not shown. With --output json each fact says where it
    was read; the result is a list with one object per system.
    """
    from hwprofiles.facts import as_dict
    from provision.cli.shell import judged, wait_for
    from provision.flow.targets import each

    async def facts_of(machine: Machine) -> Machine:
        return machine

    seen = wait_for(each(targets_from(**chosen), facts_of, talk))
    machines = [each.result for each in seen if each.result is not None]
    if machines or output == "json":
        data = [{"target": each.target} | as_dict(each.facts) for each in machines]
        show(output, data, "\n\n".join(_text(each, len(seen) > 1) for each in machines))
    return judged([each.error for each in seen])


def _text(machine: Machine, several: bool) -> str:
    from hwprofiles.facts import CATALOGUE, Kind
    from provision.core.text import clean

    facts = machine.facts
    told = [name for name in CATALOGUE if name in facts]
    tables = [name for name in told if CATALOGUE[name].kind is Kind.TABLE]
    head = [clean(machine.target)] if several else []
    lines = rows(_lines(facts, [name for name in told if name not in tables]))
    return "\n\n".join(["\n".join([*head, lines]), *(_table(name, facts) for name in tables)])


def _lines(facts: Facts, names: list[str]) -> list[tuple[str, str]]:
    from hwprofiles.facts import shown
    from provision.core.text import clean

    power = next((fact.power_state for fact in facts.values() if fact.power_state), None)
    told = [(name, clean(shown(name, facts[name].value), 6000)) for name in names]
    return [*([("power", clean(power))] if power else []), *told]


def _table(name: str, facts: Facts) -> str:
    """Return a table under its name; columns that do not fit into 80 are left to the JSON."""
    from hwprofiles.facts import CATALOGUE, in_words
    from provision.core.text import clean

    table: tuple[Any, ...] = facts[name].value  # type: ignore[assignment]
    columns = CATALOGUE[name].columns
    shown = [name for name in columns if any(name in row for row in table)]
    cells = [
        [clean(in_words(columns[name], row[name])) if name in row else "" for name in shown]
        for row in table
    ]
    body = [shown, *cells]
    widths = [max(len(line[at]) for line in body) for at in range(len(shown))]
    while sum(widths) + 2 * len(widths) > _WIDTH and len(widths) > 1:
        widths.pop()
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=False))
        for line in body
    )
    return "\n".join([f"{name} ({len(table)})", *(f"  {line}".rstrip()[:_WIDTH] for line in lines)])
