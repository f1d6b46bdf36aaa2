"""``provision flash``: write an image to sticks and cards, and read it back."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.core.errors import NotConfirmed
from provision.core.text import binary, clean

if TYPE_CHECKING:
    from provision.core.errors import ProvisionError
    from provision.flow.flash import FlashReport, Outcome, Plan, Request


@click.command(epilog="Exit status: 0 all right; 4 some failed, 5 all; 6 refused; 9 wrong image.")
@click.argument("image", type=click.Path(path_type=Path, readable=False))
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--sha256", metavar="HEX", help="What `sha256sum IMAGE` must print.")
@click.option("--unverified", is_flag=True, help="Write the image although no digest is known.")
@click.option("--yes", is_flag=True, help="Answer the question with yes.")
@click.option("--allow-file", is_flag=True, help="Let a file stand for a stick of its size.")
@click.option("--allow-loop", is_flag=True, help="Accept loop devices, as tests use them.")
@click.option(
    "--force-target",
    metavar="SERIAL",
    multiple=True,
    help="Accept the disk with exactly this serial although it is not proven to be a stick or "
    "card. Nothing makes a disk in use acceptable.",
)
@click.option("--anyway", is_flag=True, help="Write an image that will not boot from a stick.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(  # noqa: PLR0917 - click hands over by name
    image: Path,
    targets: tuple[str, ...],
    sha256: str | None,
    unverified: bool,
    yes: bool,
    allow_file: bool,
    allow_loop: bool,
    force_target: tuple[str, ...],
    anyway: bool,
    output: str,
) -> int:
    """Write an image to USB sticks or SD cards, and read it back.

    IMAGE is raw, or packed as gz, xz or zst. Its sha256 comes from --sha256, or from a SHA256SUMS
    or IMAGE.sha256 file beside it. Each TARGET is a whole disk, such as /dev/sdX; all that is on
    it is lost. A stick boots only after every byte has been read back and is right.

    \b
    provision flash xen.img /dev/sdb
    provision flash xen.img.xz /dev/sdb /dev/sdc --yes --output json
    truncate -s 64M stick.img && provision flash xen.img stick.img --allow-file
    """
    from provision.flow.flash import Request
    from provision.media.targets import Policy

    if sha256 and unverified:
        raise click.UsageError("--sha256 and --unverified contradict each other.")
    policy = Policy(allow_file=allow_file, allow_loop=allow_loop, force=frozenset(force_target))
    request = Request(
        image=image,
        targets=tuple(Path(target) for target in targets),
        sha256=sha256,
        unverified=unverified,
        anyway=anyway,
        policy=policy,
    )
    report = _flash(request, yes=yes)
    try:
        _show(report, output)
    except OSError:
        _nobody_reads()
    return report.status


def _flash(request: Request, *, yes: bool) -> FlashReport:
    from provision.flow.flash import flash
    from provision.report.progress import FlashProgress

    progress = FlashProgress([str(target) for target in request.targets])

    def confirm(plan: Plan) -> None:
        _present(plan)
        if not yes:
            _ask(len(plan.targets))
        progress.__enter__()

    try:
        return flash(request, confirm=confirm, observer=progress)
    finally:
        progress.__exit__()


def _present(plan: Plan) -> None:
    """Say what is about to be lost, and to what."""
    _say(f"Image   {clean(plan.info.path, 120)}: {plan.info.summary()}")
    if plan.digest:
        _say(f"        sha256 {plan.digest.hex} according to {clean(plan.digest.source, 120)}")
    else:
        _say("        UNVERIFIED: nothing says that this is the image it should be")
    for warning in plan.info.warnings:
        _say(f"        ! {warning}")
    _say("All data on these will be LOST:")
    for target in plan.targets:
        _say(f"  {clean(target.path, 80)}  {target.title}  now: {target.content}")


def _ask(count: int) -> None:
    """Let the user type the number of targets, or yes; anything else stops."""
    # Started with standard input closed, Python has none.
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        raise NotConfirmed("asking whether to overwrite the targets: there is no terminal to ask")
    what = "1 target" if count == 1 else f"{count} targets"
    try:
        answer = click.prompt(
            f"Write {what}? Type {count} or yes to go on, anything else stops",
            default="no",
            show_default=False,
            err=True,
        )
    except OSError as error:
        raise NotConfirmed(f"asking whether to overwrite the targets: {error.strerror}") from error
    if answer.strip().lower() not in ("yes", str(count)):
        raise NotConfirmed("asking whether to overwrite the targets: the answer was no")


def _show(report: FlashReport, output: str) -> None:
    """Print the verdicts, and why what failed did."""
    from provision.cli.shell import tell

    if output == "json":
        document = {"schema": "bareiron.flash-report/1", "exit_status": report.status}
        click.echo(json.dumps({**document, "records": report.records}, indent=2))
    else:
        for outcome, record in zip(report.outcomes, report.records, strict=True):
            click.echo(_verdict(outcome, record))
    errors = [outcome.error for outcome in report.outcomes if outcome.error]
    for error in _distinct([*errors, *report.problems]):
        tell(error)


def _nobody_reads() -> None:
    """Whoever read our output went away; the flash has happened, and its status stands."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _verdict(outcome: Outcome, record: dict[str, Any]) -> str:
    """Return the line for one target."""
    from provision.report.progress import speed

    done, target = outcome.report, clean(outcome.target.path, 80)
    serial = f"  SN {outcome.target.serial}" if outcome.target.serial else ""
    kept = f"  record {record['record']}" if record["record"] else "  no record could be kept"
    if done is None:
        state = "not bootable" if outcome.touched else "not touched"
        if outcome.result == "unknown":
            state = "may be bootable: state unknown"
        return f"{target}{serial}  {outcome.result.upper()}  {state}{kept}"
    return (
        f"{target}{serial}  PASS  {binary(done.bytes)} in {done.seconds:.1f} s "
        f"(write {speed(done.bytes, done.write_seconds)}, "
        f"verify {speed(done.bytes, done.verify_seconds)}), read back equal{kept}"
    )


def _distinct(errors: list[ProvisionError]) -> list[ProvisionError]:
    """Return the errors, those that say the same thing once."""
    return list({(str(error), error.hint): error for error in errors}.values())


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it, which stops no flash
        click.echo(text, err=True)
