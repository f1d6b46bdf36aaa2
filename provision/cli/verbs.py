"""Nouns with verbs: ``provision power BMC off``, ``provision boot once usb BMC BMC``.

BMCs may stand before the verb or, where it takes no list of words of its own, behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from provision.bmc.intents import Request

_BEFORE: Final = "provision.cli.verbs.before"


class Verbs(click.Group):
    """A group whose verbs may have BMCs in front of them.

    ``default`` is the verb of a command line without one; ``aliases`` are other words for verbs.
    """

    def __init__(self, *args: Any, default: str, aliases: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.default, self.aliases = default, aliases

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, by whichever word."""
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb first; what stood before it is kept for ``before``."""
        if args and not {"-h", "--help"} & set(args[:1]):
            known = {*self.commands, *self.aliases}
            at = next((at for at, word in self._words(args) if word in known), None)
            front = args if at is None else args[:at]
            places = [place for place, _ in self._words(front)]
            options = [word for place, word in enumerate(front) if place not in places]
            ctx.meta[_BEFORE] = tuple(front[place] for place in places)
            verb, rest = (self.default, []) if at is None else (args[at], args[at + 1 :])
            args = [verb, *options, *rest]
        return super().parse_args(ctx, args)

    def _words(self, args: list[str]) -> Iterator[tuple[int, str]]:
        """Yield what is neither an option nor the value of one, with its place."""
        valued = {
            name
            for command in self.commands.values()
            for option in command.params
            if isinstance(option, click.Option) and not (option.is_flag or option.count)
            for name in option.opts
        }
        skip = False
        for at, word in enumerate(args):
            if skip:
                skip = False
            elif word.startswith("-") and word != "-":
                skip = word in valued
            else:
                yield at, word

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Say that BMCs may come first."""
        return ["[BMC]...", "VERB", "[ARGS]..."]


def before() -> tuple[str, ...]:
    """Return the BMCs that stood before the verb."""
    found: tuple[str, ...] = click.get_current_context().meta.get(_BEFORE, ())
    return found


def operands(chosen: dict[str, Any], words: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``words`` behind a verb that takes a list of its own; BMCs have to stand before it."""
    context = click.get_current_context()
    if words and not before() and not chosen.get("servers"):
        noun = context.parent.info_name if context.parent else ""
        raise click.UsageError(
            f"BMCs stand before this verb: provision {noun} BMC {context.info_name} …"
        )
    return words


def would_send(requests: Sequence[Request]) -> str:
    """Return what a dry run would send, a request a line with its body."""
    import json

    told = [each.as_dict() for each in requests]
    return "\n".join(
        f"would send {each['method']} {each['uri']} {json.dumps(each['body'], ensure_ascii=False)}"
        for each in told
    )


def verbs(
    name: str, *, default: str, short_help: str, aliases: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Any]], Verbs]:
    """Return a decorator that makes a noun of a function without a body."""

    def made(function: Callable[..., Any]) -> Verbs:
        made = click.group(
            name, cls=Verbs, default=default, aliases=aliases or {}, short_help=short_help
        )
        return made(function)

    return made
