"""The options by which every command is told how to reach a BMC."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.core.errors import ConfigError, CredentialsError, NotConfirmed
from provision.core.events import Event, Phase

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.core.secrets import Secret

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

_OPTIONS = (
    click.option("--user", metavar="NAME", envvar="PROVISION_USER", help="User on the BMC."),
    click.option(
        "--password-file",
        metavar="FILE|-",
        envvar="PROVISION_PASSWORD_FILE",
        help="File (mode 0600) or pipe with the password on its first line, or - for standard "
        "input; without it the password is asked for.",
    ),
    click.option(
        "--tls",
        type=click.Choice(["auto", "ca", "pin", "insecure"]),
        default="auto",
        show_default=True,
        help="How the BMC proves who it is: by a CA, else by the certificate seen first (auto); "
        "only by a CA; only by that certificate (pin); not at all (insecure).",
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Certificate of the CA that vouches for the BMC, in PEM; no other proof will do.",
    ),
    click.option(
        "--proxy-from-env",
        is_flag=True,
        help="Reach the BMC through the proxy in HTTPS_PROXY, unless NO_PROXY excepts it.",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(0.1, 3600),
        default=30,
        show_default=True,
        help="How long the BMC may take over one request.",
    ),
)

output_option = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
)


def access_options(command: F) -> F:
    """Add the options that ``access_from`` wants to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def access_from(bmc: str, **access: Any) -> Access:
    """Return how to reach ``bmc``, having asked for the password where nothing tells it."""
    return accesses_from([bmc], **access)[bmc]


def accesses_from(
    bmcs: Sequence[str],
    *,
    user: str | None,
    password_file: str | None,
    tls: str,
    ca_file: Path | None,
    proxy_from_env: bool,
    timeout: float,
    deadline: float | None = None,
) -> dict[str, Access]:
    """Return how to reach each of ``bmcs``; user and password are asked for once for them all."""
    if not bmcs:
        return {}
    from provision.bmc import address
    from provision.bmc.client import Access, Tls

    try:
        places = [address.parse(bmc).authority for bmc in bmcs]
    except ConfigError as error:
        raise click.BadParameter(f"{error}. {error.hint}", param_hint="BMC") from error
    where = places[0] if len(places) == 1 else f"{len(places)} BMCs"
    user = user or _ask_user(where)
    password = _password(password_file, user, where)
    return {
        bmc: Access(
            url=bmc,
            user=user,
            password=password,
            tls=Tls(tls),
            ca_file=ca_file,
            proxy_from_env=proxy_from_env,
            timeout=timeout,
            deadline=deadline,
        )
        for bmc in bmcs
    }


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _ask_user(where: str) -> str:
    if not _somebody_is_there():
        raise CredentialsError(f"logging in to {where}: no user is given", hint="Give --user NAME.")
    answer: str = click.prompt(f"User at {where}", err=True)
    return answer


def _password(reference: str | None, user: str, where: str) -> Secret:
    from provision.core.secrets import read_secret

    if reference is None and not _somebody_is_there():
        raise CredentialsError(
            f"logging in to {where} as {user}: no password is given, and there is nobody to ask",
            hint="Give --password-file FILE (mode 0600), or --password-file - and the password "
            "on standard input.",
        )
    try:
        return read_secret(reference or "prompt:", prompt=f"Password of {user} at {where}: ")
    except EOFError as error:
        raise click.Abort from error


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; ``NotConfirmed`` unless the answer is yes."""
    if yes:
        return
    if not _somebody_is_there() or not click.confirm(question, default=False, err=True):
        raise NotConfirmed(f"{question} Not confirmed; nothing was sent.")


def talk(event: Event) -> None:
    """Tell the notes of the work (a certificate pinned, a check left out) on standard error."""
    from provision.core.secrets import redact

    if event.phase is Phase.NOTE:
        click.echo(redact(f"{event.subject}: {event.message}"), err=True)


def on_bmc(access: Access, work: Callable[[Bmc], Awaitable[T]]) -> T:
    """Log in, do ``work``, log out; return what it returned."""
    from provision.bmc.client import connect
    from provision.cli.shell import wait_for

    async def log_in_and_work() -> T:
        async with connect(access, observer=talk) as bmc:
            return await work(bmc)

    return wait_for(log_in_and_work())


def show(output: str, data: object, text: str) -> None:
    """Print the result on standard output, as JSON or as text, without the passwords we know."""
    from provision.core.secrets import redact
    from provision.core.text import in_json

    told = in_json(without_secrets(data), indent=2) if output == "json" else redact(text, data=True)
    click.echo(told)


def without_secrets(data: Any) -> Any:
    """Return ``data`` without the passwords we know, wherever in it they stand."""
    from provision.core.secrets import redact

    if isinstance(data, str):
        return redact(data, data=True)
    if isinstance(data, Mapping):
        return {without_secrets(key): without_secrets(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_secrets(each) for each in data]
    return data


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return two columns, the second wrapped to the terminal's 80."""
    import textwrap

    from provision.core.secrets import redact

    # Before they are wrapped: a password on two lines would not be known again.
    pairs = [(redact(name, data=True), redact(value, data=True)) for name, value in pairs]
    width = max((len(name) for name, _ in pairs), default=0)
    lines = []
    for name, value in pairs:
        start, rest = f"{name:{width}}  ", " " * (width + 2)
        lines += textwrap.wrap(value, 80, initial_indent=start, subsequent_indent=rest) or [start]
    return "\n".join(line.rstrip() for line in lines)
