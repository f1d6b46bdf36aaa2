"""``provision validate``: judge whether a server suits a hypervisor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.options import access_from, access_options, output_option, show, talk
from provision.core.errors import ValidationFailed

if TYPE_CHECKING:
    from provision.flow.validate import Verdict

_DEADLINE = 600.0


@click.command("validate", short_help="Judge whether a server suits a hypervisor.")
@click.argument("bmc", metavar="[BMC]", required=False)
@click.option("--local", is_flag=True, help="Judge the machine this runs on; root sees more.")
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="With --local: the machine whose files lie below DIR, laid out like /.",
)
@click.option(
    "--profile",
    "-p",
    metavar="NAME|FILE",
    required=True,
    help="What to judge by; see `provision profile list`.",
)
@click.option("--strict", is_flag=True, help="What is not known counts too: exit status 14.")
@click.option("--facts", is_flag=True, help="Show the facts as well, with where they were read.")
@access_options
@output_option
def command(
    *,
    bmc: str | None,
    local: bool,
    root: Path | None,
    profile: str,
    strict: bool,
    facts: bool,
    output: str,
    **access: Any,
) -> None:
    """Judge whether a server suits a hypervisor.

    \b
    provision validate 10.0.0.7 --user admin --profile xen-4.17
    provision validate --local --profile esxi-8.0

    Nothing is changed. The exit status is 0 when no rule failed, 3 when one did, and with --strict
    14 when none failed but some could not be judged, or none passed; the number is always shown.
    """
    from provision.flow.validate import insist, load_profile, validate_local

    if local == bool(bmc) or (root and not local):
        raise click.UsageError("Give a BMC's address, or --local (with --root DIR, if you like).")
    asked = load_profile(profile)
    here = root or Path("/")
    verdict = _over_redfish(bmc, asked, access) if bmc else validate_local(here, asked)
    show(output, verdict.as_dict(), _text(verdict, facts))
    if not verdict.passed:
        raise _failed(verdict)
    if strict:
        insist(verdict)


def _over_redfish(bmc: str, profile: Any, access: dict[str, Any]) -> Verdict:
    from provision.cli.shell import wait_for
    from provision.flow.validate import validate_bmc

    where = access_from(bmc, deadline=_DEADLINE, **access)
    return wait_for(validate_bmc(where, profile, talk))


def _text(verdict: Verdict, facts: bool) -> str:
    from provision.report import text

    told = verdict.as_text()
    return f"{text.facts(verdict.facts)}\n\n{told}" if facts else told


def _failed(verdict: Verdict) -> ValidationFailed:
    rules = [finding.rule for finding in verdict.findings if finding.outcome == "fail"]
    number = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    return ValidationFailed(
        f"validating {verdict.target} against {verdict.profile.id}: "
        f"{number} failed: {', '.join(rules)}"
    )
