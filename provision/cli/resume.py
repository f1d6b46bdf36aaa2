"""``provision resume``: what was done stays done, what was not is taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provision.cli.run import carry_out, find_secret, run_options

if TYPE_CHECKING:
    from provision.flow.records import RunDirectory


@click.command("resume", short_help="Take up runs that were interrupted.")
@click.argument("run", required=False)
@click.option("--all", "every", is_flag=True, help="Take up every interrupted run, oldest first.")
@click.option("--abandon", is_flag=True, help="Give RUN up: it is not taken up again.")
@run_options
def command(
    *,
    run: str | None,
    every: bool,
    abandon: bool,
    parallel: int,
    password_file: str | None,
    output: str,
) -> int:
    """Take up RUN where it was interrupted; without RUN, the one interrupted run there is."""
    from provision.cli import shell
    from provision.core.errors import ProvisionError, worst
    from provision.flow import install
    from provision.flow.records import RunDirectory, all_runs

    runs = [RunDirectory.find(run)] if run else all_runs()
    waiting = [each for each in runs if not each.finished]
    if abandon:
        return _abandon(run, waiting)
    if not waiting:
        click.echo("Nothing to resume: it came to its end." if run else _NOTHING, err=True)
        return 0
    if len(waiting) > 1 and not every:
        raise click.UsageError(
            f"{len(waiting)} runs were interrupted; name one, or say --all:\n"
            + "\n".join(f"  {each.title}" for each in waiting)
        )
    statuses = []
    for each in waiting:
        click.echo(f"Taking up {each.title}", err=True)
        try:
            servers = each.servers()
            secret = find_secret(servers, password_file)
            install.check(servers, secret)
            with install.reserved(servers):
                statuses.append(carry_out(each, secret, parallel, output))
        except ProvisionError as error:  # the others are taken up all the same
            shell.tell(error)
            statuses.append(int(error.status))
    return worst(statuses)


_NOTHING = "Nothing to resume: every run came to its end."


def _abandon(run: str | None, waiting: list[RunDirectory]) -> int:
    if run is None:
        raise click.UsageError("--abandon wants the name of a run")
    for each in waiting:
        each.abandon()
        click.echo(f"{each.title}: given up. Its servers stay as they are.", err=True)
    return 0
