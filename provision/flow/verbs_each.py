"""One piece of work on each of many BMCs: a few at a time, one that fails stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from provision.core.errors import ConfigError, ProvisionError
from provision.core.events import Observer, ignore
from provision.flow.targets import Seen

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc
    from provision.core.secrets import Secret
    from provision.core.servers import Listed

T = TypeVar("T")

#: BMCs worked on at the same time.
AT_ONCE: Final = 16


async def on_each(
    accesses: Mapping[str, Access],
    work: Callable[[str, Access], Awaitable[T]],
    at_once: int = AT_ONCE,
) -> list[Seen[T]]:
    """Do ``work`` with each name and access, in their order; its errors are kept with the name."""
    turns = asyncio.Semaphore(at_once)

    async def done(name: str, access: Access) -> Seen[T]:
        async with turns:
            try:
                return Seen(target=name, result=await work(name, access))
            except ProvisionError as error:
                return Seen(target=name, error=error)

    return list(await asyncio.gather(*(done(*each) for each in accesses.items())))


async def connected(
    accesses: Mapping[str, Access],
    work: Callable[[Bmc, Access], Awaitable[T]],
    observer: Observer = ignore,
    at_once: int = AT_ONCE,
) -> list[Seen[T]]:
    """Log in to each BMC, do ``work``, log out."""
    from provision.bmc.client import connect

    async def logged_in(_name: str, access: Access) -> T:
        async with connect(access, observer=observer) as bmc:
            return await work(bmc, access)

    return await on_each(accesses, logged_in, at_once)


def with_deadline(accesses: Mapping[str, Access], seconds: float | None) -> dict[str, Access]:
    """Return ``accesses`` with so many seconds for all of the work on one BMC."""
    return {name: replace(each, deadline=seconds) for name, each in accesses.items()}


def of_file(
    path: Path,
    limit: Sequence[str],
    ask: Callable[[list[Listed]], Secret | None],
    *,
    proxy_from_env: bool = False,
) -> dict[str, Access]:
    """Return how to reach the BMCs of a servers file, those that ``limit`` selects.

    ``ask`` returns the password for those of them whose row names none.
    """
    from provision.bmc.client import Access, Tls
    from provision.core.secrets import read_secret
    from provision.core.selectors import select
    from provision.core.servers import read_listed

    rows = read_listed(path)
    chosen = select(rows, limit) if limit else rows
    if not chosen:
        raise ConfigError(
            f"choosing servers from {path}: none is left",
            hint="Check --limit; without it, all servers of the file are meant.",
        )
    secret = ask(chosen)
    return {
        row.name: Access(
            url=row.bmc,
            user=row.user or "",
            password=read_secret(row.password) if row.password else secret,
            tls=Tls(row.tls),
            ca_file=Path(row.ca_file) if row.ca_file else None,
            timeout=float(row.timeout),
            proxy_from_env=proxy_from_env,
        )
        for row in chosen
    }
