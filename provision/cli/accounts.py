"""``provision accounts``: the users of BMCs, and new passwords for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.many import bmcs_from, dry_run_option, many_options, progress, table, tell
from provision.cli.options import talk
from provision.cli.verbs import verbs

if TYPE_CHECKING:
    from provision.bmc.accounts import Account
    from provision.bmc.client import Access, Bmc
    from provision.flow.verbs_accounts import Changed

_DEADLINE = 300.0


@verbs("accounts", default="list", short_help="List users of BMCs, or change a password.")
def command() -> None:
    """List the users of BMCs, or change a password such that nobody is locked out.

    \b
    provision accounts 10.0.0.7 list
    provision accounts 10.0.0.7 rotate --user admin --new-password-file new
    provision accounts rotate --servers servers.yaml --generate-to passwords/
    """


@command.command("list")
@many_options
def listing(output: str, **chosen: Any) -> int:
    """List the users: their roles, and what keeps them out."""
    from provision.bmc import accounts
    from provision.cli.shell import wait_for
    from provision.flow.verbs_each import connected

    async def work(bmc: Bmc, _access: Access) -> list[Account]:
        return await accounts.accounts(bmc)

    seen = wait_for(connected(bmcs_from(deadline=_DEADLINE, **chosen), work, talk))
    return tell(output, seen, _listed)


@command.command("rotate")
@many_options
@click.option("--account", metavar="NAME", default="", help="Whose; without it, our own (--user).")
@click.option(
    "--new-password-file",
    metavar="FILE",
    help="File (mode 0600) with the new password on its first line, the same for every BMC.",
)
@click.option(
    "--generate-to",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make a password of its own for each BMC, and keep it in DIR, in a file (mode 0600) "
    "named after the BMC. It is never printed.",
)
@dry_run_option
def rotate(
    *,
    output: str,
    account: str,
    new_password_file: str | None,
    generate_to: Path | None,
    dry_run: bool,
    **chosen: Any,
) -> int:
    """Change a password, and show by a second login that it holds before the first one ends.

    If that login fails, the old password is put back, and the error says which of the two holds. A
    BMC that takes nothing before its factory password is changed will do. Where the old password is
    refused and the new one (--new-password-file) already holds, there is nothing to do.
    """
    from provision.cli.shell import wait_for
    from provision.core.secrets import read_secret
    from provision.flow import verbs_accounts

    if (new_password_file is None) == (generate_to is None):
        raise click.UsageError("Give either --new-password-file FILE or --generate-to DIR.")
    wish = verbs_accounts.Wish(
        account=account,
        new=read_secret(new_password_file, prompt="New password: ") if new_password_file else None,
        folder=generate_to,
        dry_run=dry_run,
    )
    accesses = bmcs_from(deadline=_DEADLINE, **chosen)
    return tell(output, wait_for(verbs_accounts.rotate(accesses, wish, progress)), _told)


def _listed(found: list[Account]) -> str:
    lines = [(each.id, each.user, each.role or "?", _state(each)) for each in found]
    return table(lines, ("id", "user", "role", "state")) if lines else "no users are told of"


def _state(account: Account) -> str:
    words = [{True: "enabled", False: "disabled"}.get(account.enabled, "unknown")]  # type: ignore[arg-type]
    words += ["locked"] if account.locked else []
    return ", ".join(words + (["password has to be changed"] if account.change_required else []))


def _told(it: Changed) -> str:
    if it.holds and not it.sent:
        lines = [f"{it.user}: the new password holds already (nothing to do)"]
    elif it.dry_run:
        lines = [f"the password of {it.user} would be changed"]
    else:
        lines = [f"{it.user}: the new password holds (a second login has shown it)"]
    if it.kept_in and not it.dry_run:
        lines.append(f"kept in {it.kept_in}")
    return "\n".join([*lines, *(f"note: {note}" for note in it.notes)])
