"""Commands that do one thing on one or many BMCs: their options, and how they tell what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.options import access_options, accesses_from, without_secrets
from provision.cli.verbs import before
from provision.core.events import Event, Phase

if TYPE_CHECKING:
    from provision.bmc.client import Access
    from provision.core.secrets import Secret
    from provision.core.servers import Listed
    from provision.flow.targets import Seen

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

#: Upload progress is told at every so many percent.
_STRIDE = 10

_BMCS = click.argument("bmcs", metavar="[BMC]...", nargs=-1)
_OPTIONS = (
    click.option(
        "--servers",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The BMCs of a servers file (YAML or CSV), with the users and passwords it names.",
    ),
    click.option(
        "--limit",
        metavar="SELECTOR",
        multiple=True,
        help="With --servers: only these, such as rack=r12,u=1-16 or model~R7.* May be repeated.",
    ),
    click.option(
        "--output", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True
    ),
)

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Look, say what would be done, and do nothing."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def many_options(command: F) -> F:
    """Add the BMCs, and the options that ``bmcs_from`` and ``tell`` want, to a command."""
    return _BMCS(reach_options(command))


def reach_options(command: F) -> F:
    """Add the options alone, where the BMCs stand somewhere else."""
    command = access_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def bmcs_from(
    *,
    bmcs: tuple[str, ...] = (),
    servers: Path | None,
    limit: tuple[str, ...],
    deadline: float | None,
    **access: Any,
) -> dict[str, Access]:
    """Return the BMCs a command line means, by name; a usage error where it means none.

    Those that stood before the verb are among them.
    """
    bmcs = (*before(), *bmcs)
    if limit and servers is None:
        raise click.UsageError("--limit goes with --servers.")
    if not bmcs and servers is None:
        raise click.UsageError("Give a BMC's address, or --servers FILE.")
    from provision.flow import verbs_each

    accesses = accesses_from(bmcs, **access)
    if servers is not None:
        accesses |= verbs_each.of_file(
            servers,
            limit,
            lambda rows: ask_secret(rows, access["password_file"]),
            proxy_from_env=access["proxy_from_env"],
        )
    return verbs_each.with_deadline(accesses, deadline)


def ask_secret(rows: list[Listed], password_file: str | None) -> Secret | None:
    """Return the password for the servers that name none; None where all of them do."""
    import sys

    from provision.core.errors import CredentialsError
    from provision.core.secrets import read_secret

    if all(row.password for row in rows):
        return None
    if password_file is None and not sys.stdin.isatty():
        raise CredentialsError(
            "reading the servers: some name no password, and there is nobody to ask",
            hint="Add `password: file:PATH` to the file, or give --password-file.",
        )
    return read_secret(password_file or "prompt:", prompt="BMC password: ")


def tell(output: str, seen: Sequence[Seen[T]], text: Callable[[T], str]) -> int:
    """Print what came of the work on each BMC; return the exit status that speaks for all.

    ``text`` says a result in words; as JSON it is what its ``as_dict`` returns.
    """
    from provision.cli.shell import judged
    from provision.core.secrets import redact
    from provision.core.text import in_json

    if output == "text":
        several = len(seen) > 1
        for each in seen:
            if each.result is not None:
                told = redact(text(each.result), data=True)
                click.echo(f"{each.target}\n{_indented(told)}" if several else told)
    else:
        data = [without_secrets(_as_dict(each)) for each in seen]
        if output == "json":
            click.echo(in_json(data, indent=2))
        else:
            for line in data:
                click.echo(in_json(line))
    return judged([each.error for each in seen])


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _as_dict(seen: Seen[Any]) -> dict[str, Any]:
    if seen.error is not None:
        return {"target": seen.target, "error": seen.error.as_dict()}
    result: Any = seen.result
    if isinstance(result, list | tuple):
        return {"target": seen.target, "result": [each.as_dict() for each in result]}
    return {"target": seen.target, "result": result.as_dict()}


def progress(event: Event) -> None:
    """Tell how the work goes on, on standard error: notes, tasks, and uploads now and then."""
    from provision.core.secrets import redact

    if event.phase not in (Phase.NOTE, Phase.PROGRESS):
        return
    if event.done is not None and event.total and event.done * 100 // event.total % _STRIDE:
        return
    step = f"{event.step}: " if event.phase is Phase.PROGRESS else ""
    click.echo(redact(f"{event.subject}: {step}{event.message}"), err=True)


def table(rows: Sequence[Sequence[str]], head: Sequence[str], width: int = 80) -> str:
    """Return rows under a heading, in columns; the last one wraps to ``width`` characters.

    The first is what other commands want to be given: never cut, it gets a line of its own instead.
    """
    import textwrap

    from provision.core.secrets import redact

    lines = [[redact(cell, data=True) for cell in row] for row in (head, *rows)]
    columns = len(head)
    widths = [max(len(line[at]) for line in lines) for at in range(columns - 1)]
    # No column may push the last one off the screen: the widest give way.
    room = max(24, width // 3)
    while widths and sum(widths) + 2 * len(widths) + room > width:
        widest = max(range(len(widths)), key=lambda at: widths[at])
        if widths[widest] <= 8:
            break
        widths[widest] -= 1
    told = []
    for line in lines:
        if widths and len(line[0]) > widths[0]:
            told.append(line[0])
            line[0] = ""
        cells = [_cut(cell, wide) for cell, wide in zip(line, widths, strict=False)]
        start = "".join(f"{cell:{wide}}  " for cell, wide in zip(cells, widths, strict=True))
        told += textwrap.wrap(
            line[-1],
            width,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_on_hyphens=False,
        ) or [start]
    return "\n".join(line.rstrip() for line in told)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
