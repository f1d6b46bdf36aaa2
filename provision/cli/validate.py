"""``provision validate``: judge whether servers suit a hypervisor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from provision.cli.mending import fix_options, mended, ways_from
from provision.cli.options import talk, without_secrets
from provision.cli.targets import target_options, targets_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.core.errors import ProvisionError
    from provision.flow.validate import Unread, Verdict

_FORMATS: Final = ("text", "json", "junit", "html", "csv", "ocp")


@click.command("validate", short_help="Judge whether servers suit a hypervisor.")
@target_options
@click.option(
    "--profile",
    "-p",
    metavar="NAME|FILE",
    required=True,
    help="What to judge by; see `provision profile list`.",
)
@click.option("--strict", is_flag=True, help="What is not known counts too: exit status 14.")
@click.option("--facts", is_flag=True, help="Show the facts as well, with where they were read.")
@click.option("--output", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Also write a report; its suffix chooses the format: .txt .json .xml (JUnit) .html .csv "
    ".jsonl (OCP). May be repeated.",
)
@fix_options
def command(
    *,
    profile: str,
    strict: bool,
    facts: bool,
    output: str,
    reports: tuple[Path, ...],
    **chosen: Any,
) -> int:
    """Judge whether servers suit a hypervisor.

    \b
    provision validate 10.0.0.7 --user admin --profile xen-4.17
    provision validate --local --profile esxi-8.0
    provision validate --from dmidecode.txt --profile esxi-8.0 --report result.html
    provision validate 10.0.0.7 --user admin --profile esxi-8.0 --fix --dry-run

    Where the server model is known, what it asks of itself is judged as well. Nothing is changed
    without --fix; with it, the BIOS settings that mend a failed rule are staged, and come into
    force at the next restart, which is yours unless you give --allow-reboot.

    The exit status is 0 when no rule failed, 3 when one did, and with --strict 14 when none failed
    but some could not be judged, or none passed; the number is always shown. Of several machines
    the worst one decides.
    """
    from provision.cli.shell import judged, wait_for
    from provision.core.files import check_place
    from provision.flow.validate import load_profile, problem, validate

    formats = {path: _format_of(path) for path in reports}
    asked = load_profile(profile)
    ways, chosen = ways_from(**chosen)
    read = [profile, chosen.get("servers"), *chosen["bmcs"], *chosen["recordings"]]
    for path in reports:  # before any work: a line of 40 servers is not judged for nothing
        check_place(path, [*read, *(other for other in reports if other != path)])
    targets = targets_from(**chosen)
    notes: list[str] = []
    if ways:
        verdicts, results, notes = mended(targets, asked, ways)
    else:
        verdicts = wait_for(validate(targets, asked, talk))
        results = [verdict.as_dict() for verdict in verdicts]
    data = [without_secrets(result) for result in results]
    _show(output, data, verdicts, facts=facts, strict=strict)
    for note in notes if output == "text" else ():
        click.echo(f"\n{note}")
    # Last: what was seen and done is told, and counts, whatever becomes of the reports.
    lost = [_lost(path, _rendered(kind, data, strict)) for path, kind in formats.items()]
    unwritten = judged(lost)
    return judged([problem(verdict, strict=strict) for verdict in verdicts]) or unwritten


def _lost(path: Path, text: str) -> ProvisionError | None:
    """Write a report; return the error where that cannot be."""
    from provision.core.errors import ProvisionError
    from provision.core.files import write_text

    try:
        write_text(path, text.rstrip("\n") + "\n")
    except ProvisionError as error:
        return error
    return None


def _format_of(path: Path) -> str:
    from provision.core.errors import ConfigError
    from provision.report import expected

    try:
        return expected(path)
    except ConfigError as error:
        raise click.BadParameter(f"{error}. {error.hint}", param_hint="--report") from error


def _show(
    output: str,
    data: Sequence[Any],
    verdicts: Sequence[Verdict | Unread],
    *,
    facts: bool,
    strict: bool,
) -> None:
    """Print the result; that one machine could not be read is an error and no report."""
    from provision.flow.validate import Verdict

    if output == "text" and len(verdicts) == 1 and not isinstance(verdicts[0], Verdict):
        return
    told = _rendered(output, data, strict).rstrip("\n")
    click.echo("\n\n".join([*_facts(verdicts, facts and output == "text"), told]))


def _rendered(format_: str, data: Sequence[Any], strict: bool) -> str:
    """Return the verdicts in a format; of one machine, the JSON is its own and no list."""
    from provision import report

    if format_ == "json":
        from provision.core.text import in_json

        return in_json(data[0] if len(data) == 1 else data, indent=2)
    return report.render(format_, data, strict=strict)


def _facts(verdicts: Sequence[Verdict | Unread], wanted: bool) -> Iterator[str]:
    from provision.flow.validate import Verdict
    from provision.report import text

    for verdict in verdicts if wanted else ():
        if isinstance(verdict, Verdict):
            yield text.facts(verdict.facts)
