"""``provision resume``: what was done stays done, what was not is taken up again."""

from __future__ import annotations

import click

from provision.cli.run import carry_out, find_secret, run_options


@click.command("resume", short_help="Take up runs that were interrupted.")
@click.argument("run", required=False)
@run_options
def command(run: str | None, parallel: int, password_file: str | None, output: str) -> int:
    """Take up RUN where it was interrupted; without RUN, every interrupted run, oldest first."""
    from provision.core.errors import worst
    from provision.flow.records import RunDirectory, all_runs

    runs = [RunDirectory.find(run)] if run else all_runs()
    waiting = [each for each in runs if not each.finished]
    if not waiting:
        click.echo("Nothing to resume: every run came to its end.", err=True)
        return 0
    statuses = []
    for each in waiting:
        secret = find_secret(each.servers(), password_file)
        statuses.append(carry_out(each, secret, parallel, output))
    return worst(statuses)
