"""``provision outliers``: which machines of a model are not like the others."""

from __future__ import annotations

from typing import Any

import click

from provision.cli.baseline import ending, look
from provision.cli.options import output_option, show
from provision.cli.targets import target_options


@click.command("outliers", short_help="Tell which of many machines are not like the others.")
@target_options
@output_option
def command(output: str, **chosen: Any) -> int:
    """Tell which of many machines are not like the others of their model, slot by slot.

    \b
    provision outliers --servers rack12.yaml
    provision outliers dumps/*.txt

    What more than half of them have is the rule. Where no group is that large, nobody is odd, and
    the groups are shown. Serial numbers, UUIDs and MAC addresses met twice are told, and those that
    are but placeholders. The exit status is 0 when all are alike, 20 when there is something to
    tell.
    """
    from provision.flow import fleet_outliers, fleet_text

    machines, errors = look(chosen)
    found = fleet_outliers.outliers(machines)
    if machines or output == "json":
        data = found.as_dict() | {
            "unread": [{"name": name, "error": error.as_dict()} for name, error in errors.items()]
        }
        show(output, data, fleet_text.outliers(found, list(errors)).rstrip("\n"))
    return ending(errors, len(machines), told=not found.alike)
