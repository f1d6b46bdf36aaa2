"""``provision bios``: show and change BIOS attributes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import (
    bmcs_from,
    dry_run_option,
    many_options,
    reach_options,
    table,
    tell,
    yes_option,
)
from provision.cli.options import confirm, rows, talk
from provision.cli.verbs import operands, verbs, would_send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hwprofiles.platforms import Scalar
    from provision.bmc.bios import BiosPlan
    from provision.bmc.bios_reset import BiosReset
    from provision.bmc.changes import Change
    from provision.bmc.client import Bmc

_DEADLINE = 600.0


@verbs("bios", default="get", short_help="Show and change BIOS attributes.")
def command() -> None:
    """Show and change BIOS attributes.

    \b
    provision bios 10.0.0.7 get BootMode virtualization
    provision bios 10.0.0.7 set virtualization=enabled BootMode=Uefi --dry-run
    provision bios 10.0.0.7 pending
    provision bios 10.0.0.7 diff golden.json

    Attributes are named as this BMC names them; virtualization, iommu, sriov, x2apic, nx and so on
    stand for whatever they are called there. Changes are checked against the BMC's registry before
    they are sent, and come into force at the next start.
    """


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Attributes by name."""

    values: Mapping[str, Scalar]

    def as_dict(self) -> dict[str, Scalar]:
        """Return them as JSON prints them."""
        return dict(self.values)


@command.command("get")
@click.argument("names", metavar="[ATTRIBUTE]...", nargs=-1)
@reach_options
def get(names: tuple[str, ...], output: str, **chosen: Any) -> int:
    """Show attributes: all of them, or those named."""
    wanted = operands(chosen, names)

    async def work(bmc: Bmc) -> Attributes:
        return Attributes(values=await _attributes(bmc, wanted))

    def told(found: Attributes) -> str:
        return rows((name, str(value)) for name, value in found.values.items()) or "none told"

    return _run(work, told, output, chosen)


async def _attributes(bmc: Bmc, names: tuple[str, ...]) -> dict[str, Scalar]:
    from provision.bmc import bios
    from provision.bmc.bios_wishes import WORDS

    resource = await bios.resource(bmc)
    here = bios.scalars(resource)
    if not names:
        return dict(sorted(here.items()))
    wanted = list(names)
    if any(name in WORDS for name in names):
        known = await bios.settings(bmc, resource)
        found = {word: setting.attribute for word, setting in known.items()}
        wanted = [found.get(name, name) for name in names]
    if missing := [name for name in wanted if name not in here]:
        raise _unknown(bmc.name, missing, list(here))
    return {name: here[name] for name in wanted}


def _unknown(where: str, missing: list[str], known: list[str]) -> Exception:
    import difflib

    from provision.bmc.errors import NotSupported

    near = [match for name in missing for match in difflib.get_close_matches(name, known, 3)]
    hint = f"Near are: {', '.join(near)}." if near else f"See all with: provision bios {where} get"
    names = ", ".join(missing)
    return NotSupported(f"reading BIOS attributes at {where}: no attribute {names}", hint=hint)


@dataclass(frozen=True, kw_only=True)
class Set:
    """What was staged, or would be; ``job`` is the BMC's, where it made one of it."""

    plan: BiosPlan
    sent: bool
    job: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON prints it."""
        return {
            "sent": self.sent,
            "changes": [each.as_dict() for each in self.plan.changes],
            "staged": [each.as_dict() for each in self.plan.staged],
            "notes": list(self.plan.notes),
            "requests": [self.plan.request.as_dict()] if self.plan.changes else [],
            "job": self.job,
        }


@command.command("set")
@click.argument("pairs", metavar="NAME=VALUE...", nargs=-1, required=True)
@reach_options
@click.option("--apply-time", metavar="WORD", default="", help="One of the BMC's apply times.")
@dry_run_option
def set_(pairs: tuple[str, ...], apply_time: str, dry_run: bool, output: str, **chosen: Any) -> int:
    """Stage changes for the next start, all of them or none."""
    wanted = dict(_pair(each) for each in operands(chosen, pairs))

    async def work(bmc: Bmc) -> Set:
        from provision.bmc import bios

        plan = await bios.plan(bmc, wanted, apply_time=apply_time)
        bios.check(bmc, plan)
        if dry_run or not plan.changes:
            return Set(plan=plan, sent=False)
        return Set(plan=plan, sent=True, job=(await bios.send(bmc, plan)).job)

    return _run(work, _set_text, output, chosen)


def _pair(text: str) -> tuple[str, Scalar]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.UsageError(f"{text} is not NAME=VALUE.")
    return name, value


def _set_text(found: Set) -> str:
    lines = [_line(change) for change in found.plan.changes]
    lines += [f"{_line(change)} (staged already)" for change in found.plan.staged]
    lines += list(found.plan.notes)
    if found.plan.changes and not found.sent:
        lines.append(would_send([found.plan.request]))
    elif found.sent:
        lines.append("staged; in force at the next start" + (f" ({found.job})" * bool(found.job)))
    return "\n".join(lines) or "in force already: nothing to do"


def _line(change: Change) -> str:
    old = "not told" if change.old is None else change.old
    because = f" ({change.because})" if change.because else ""
    return f"{change.attribute}: {old} → {change.new}{because}"


@command.command("pending")
@many_options
def pending(output: str, **chosen: Any) -> int:
    """Show what waits for the next start."""
    from provision.bmc import bios

    async def work(bmc: Bmc) -> list[Change]:
        return await bios.pending(bmc)

    return _run(work, lambda found: "\n".join(map(_line, found)) or "nothing", output, chosen)


@command.command("reset")
@many_options
@yes_option
@dry_run_option
def reset(yes: bool, dry_run: bool, output: str, **chosen: Any) -> int:
    """Take the settings back to their defaults, from the next start on."""
    from provision.bmc.bios_reset import reset_bios

    if not dry_run:
        who = f"the servers of {chosen['servers']}" if chosen["servers"] else "these servers"
        confirm(f"Take all BIOS settings of {who} back to their defaults?", yes=yes)

    def told(found: BiosReset) -> str:
        if dry_run and found.requests:
            return would_send(found.requests)
        state = "the defaults come at the next start" if found.pending else "asked for"
        return f"{state} ({found.note})" if found.note else state

    return _run(lambda bmc: reset_bios(bmc, dry_run=dry_run), told, output, chosen)


@command.command("diff")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@many_options
def diff(file: Path, output: str, **chosen: Any) -> int:
    """Show what differs from FILE: a Bios resource, or what `get --output json` printed."""
    from provision.bmc.bios_diff import Difference, differences

    wanted = _of_file(file)

    async def work(bmc: Bmc) -> list[Difference]:
        from provision.bmc import bios

        return differences(wanted, await bios.attributes(bmc))

    def told(found: list[Difference]) -> str:
        if not found:
            return "the same"
        cells = [[each.attribute, _shown(each.left), _shown(each.right)] for each in found]
        return table(cells, ("ATTRIBUTE", "FILE", "SERVER"))

    return _run(work, told, output, chosen)


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _of_file(path: Path) -> dict[str, Scalar]:
    from provision.bmc.bios_diff import attributes_in
    from provision.bmc.recorded_json import parse
    from provision.core.errors import ConfigError

    try:
        body = parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"reading {path}: {error.strerror}") from error
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = body[0].get("result", body[0])  # as `bios get --output json` prints it
    return attributes_in(body, str(path))


def _run(
    work: Callable[[Bmc], Awaitable[Any]],
    text: Callable[[Any], str],
    output: str,
    chosen: dict[str, Any],
) -> int:
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    accesses = bmcs_from(deadline=_DEADLINE, **chosen)
    seen = wait_for(connected(accesses, lambda bmc, _: work(bmc), talk))
    return tell(output, seen, text)
