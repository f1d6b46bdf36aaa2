"""``provision profile``: what hardware profiles ask, and the work on one's own."""

from __future__ import annotations

import click

from provision.cli.profile_diff import diff
from provision.cli.profile_explain import explain
from provision.cli.profile_lint import lint
from provision.cli.profile_new import new, schema
from provision.cli.profile_show import list_profiles, show_profile


@click.group("profile", short_help="List, show, check, compare and write hardware profiles.")
def command() -> None:
    """List, show, check, compare and write hardware profiles.

    \b
    provision profile list --kind servers
    provision profile show esxi-8.0
    provision profile explain esxi-8.0 --rule cpu.xsave --from dmidecode.txt
    provision profile new ours.yaml --kind site --extends esxi-8.0
    provision profile lint ours.yaml
    """


for _command in (list_profiles, show_profile, explain, diff, new, lint, schema):
    command.add_command(_command)
