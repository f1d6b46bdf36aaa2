"""``provision profile lint``: what is wrong with profile files, and what deserves a look."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from provision.cli.options import output_option, show
from provision.cli.profile_text import number
from provision.core.errors import ConfigError

if TYPE_CHECKING:
    from hwprofiles.errors import Problem

#: Problems of one file worth printing: with more, it is another kind of file.
_MOST: Final = 100


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """One file with what is wrong with it, and what deserves a look."""

    file: str
    own: int
    rules: int
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]

    @property
    def summary(self) -> str:
        if self.problems:
            some = f", of which the first {_MOST} are here" * (len(self.problems) > _MOST)
            return f"{self.file}: {number(self.problems, 'problem')}{some}"
        rules = number(self.rules, "rule")
        own = f", {self.own} of its own" if self.own != self.rules else ""
        return f"{self.file}: {rules}{own}; {number(self.notes, 'note')}"

    def lines(self) -> list[str]:
        """Return what an editor can jump to, then how much there is of it."""
        told = [str(problem) for problem in self.problems[:_MOST]]
        for note in self.notes:
            told.append(f"{note.file}:{note.line}:{note.column}: note: {note.message}")
        return [*told, self.summary]

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {
            "file": self.file,
            "problems": [asdict(problem) for problem in self.problems],
            "notes": [asdict(note) for note in self.notes],
        }


@click.command("lint", short_help="Check profile files.")
@click.argument("files", metavar="[FILE|NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every profile that comes with bareiron.")
@click.option("--strict", is_flag=True, help="Notes count as well.")
@output_option
def lint(files: tuple[str, ...], everything: bool, strict: bool, output: str) -> None:
    """Check profile files.

    Every problem is told as file:line:column; with any, the exit status is 13. What only deserves a
    look is a note, and costs nothing without --strict: a rule without source or remedy, or of low
    confidence; a profile not verified for a year; a waiver that ends within 30 days, or has; a
    source or a parameter that nothing uses. Rules of a base are the base's matter.
    """
    from hwprofiles import shelf

    names = [*files, *(shelf.shipped() if everything else ())]
    if not names:
        raise click.UsageError("Give the profile files to check, or --all for the shipped ones.")
    checked = [_check(name) for name in dict.fromkeys(names)]
    lines = [line for each in checked for line in each.lines()]
    show(output, [each.as_dict() for each in checked], "\n".join(lines))
    wrong = sum(len(each.problems) + strict * len(each.notes) for each in checked)
    if wrong:
        raise ConfigError(
            f"checking profiles: {number(wrong, 'place')} to mend",
            hint="Mend the places named, and check again.",
        )


def _check(name: str) -> _Checked:
    from hwprofiles import DocumentError, linting

    try:
        found = linting.lint(name)
    except DocumentError as error:
        return _Checked(file=name, own=0, rules=0, problems=tuple(error.problems), notes=())
    return _Checked(file=name, own=found.own, rules=found.rules, problems=(), notes=found.notes)
