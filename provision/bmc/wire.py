"""Requests to one BMC: what may be repeated is, what may not is sent once, and errors are ours."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

from provision.bmc import address as addresses
from provision.bmc import etags, replies, transport
from provision.bmc.access import Access
from provision.bmc.address import Address
from provision.bmc.budget import Budget
from provision.bmc.door import Door
from provision.bmc.errors import Busy, NotSupported, SessionEnded
from provision.bmc.login import ANONYMOUS, Login
from provision.bmc.replies import Answer, JsonObject, Reply
from provision.core.errors import OutcomeUnknown, ProvisionError
from provision.core.text import clean

_READ_TRIES: Final = 3
_PAUSE = (0.5, 1.0)  # seconds between them
#: Seconds of silence after which we look whether our session lives, before we ask for an action.
_IDLE: Final = 15.0
_WORDS: Final = {"GET": "reading", "PATCH": "changing", "POST": "asking for", "DELETE": "deleting"}


class Line(Protocol):
    """What carries requests: DMTF's client over our guarded connections."""

    async def send(self, request: Request) -> Answer:
        """Send a request once; raise our error where no answer came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Doing:
    """What a request does, in words that are only made when there is an error to tell."""

    method: str
    path: str
    who: str

    def __str__(self) -> str:
        """Return ``reading /redfish/v1/ at 10.0.0.7:443``."""
        return f"{_WORDS[self.method]} {clean(self.path, 120)} at {self.who}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it is sent. ``fresh`` wants a connection that was not used before."""

    method: str
    path: str
    doing: object
    seconds: float
    login: Login = ANONYMOUS
    body: Any = None
    headers: dict[str, str] | None = None
    fresh: bool = False


class Wire:
    """Requests to one BMC, each within its limits; every error is one of ours."""

    def __init__(self, access: Access, address: Address, line: Line) -> None:
        self._address = address
        self._line = line
        self._places = asyncio.Semaphore(transport.IN_FLIGHT)
        self._writing = asyncio.Lock()
        self._denied: set[str] = set()
        self._answered = time.monotonic()
        self._spelling = ""
        self._budget = Budget(timeout=access.timeout, deadline=access.deadline)
        #: When changes carry the tag of the state they are meant for.
        self.etags = etags.Policy()
        #: Who we are to the BMC.
        self.door = Door(access, address, self)

    # -- what others ask for ------------------------------------------------------------------

    async def read(self, path: str) -> Reply:
        """GET, repeated a little where the connection broke or the BMC was busy."""
        path = self._own(path)
        for tries_left in reversed(range(_READ_TRIES)):
            try:
                return await self._read_once(path)
            except (Busy, transport.Dropped) as error:
                if not tries_left:
                    raise
                await self.pause(error)
        raise AssertionError("a read ends with an answer or an error")

    async def _read_once(self, path: str) -> Reply:
        answer = await self.exchange("GET", path)
        if answer.status == 401 and path not in self._denied and self.door.session:
            await self.door.renew(answer.login)
            answer = await self.exchange("GET", path)
            if answer.status == 401:  # it was not the session: do not open another one for it
                self._denied.add(path)
        if answer.status == 406:  # some serve their registries only compressed
            answer = await self.exchange("GET", path, headers={"Accept-Encoding": "gzip"})
        return self._judge("GET", path, answer)

    async def change(self, path: str, body: JsonObject) -> Reply:
        """PATCH, with the tag of the state it is meant for where the BMC insists on one.

        It is sent again only where the BMC said that it did not look at it: 401, 412, 428.
        """
        path = self._own(path)
        async with self._writing:
            if self.etags.always:
                answer = await self._change_tagged(path, body)
            else:
                answer = await self._patch(path, body)
                if answer.status in etags.WANTED and not self.etags.never:
                    answer = await self._change_tagged(path, body) or answer
            return self._judge("PATCH", path, answer or await self._patch(path, body))

    async def _change_tagged(self, path: str, body: JsonObject) -> Answer | None:
        """Send the change with one spelling of its tag after the other; None where it has none."""
        answer = None
        known = etags.spellings(await self.read(path), self._spelling)
        for spelling, tag in known.items():
            sent = self.etags.with_tag(body, tag)
            answer = await self._patch(path, sent, {"If-Match": tag})
            if answer.status not in etags.WANTED:
                self._spelling = spelling
                break
        return answer

    async def _patch(
        self, path: str, body: JsonObject, headers: dict[str, str] | None = None
    ) -> Answer:
        answer = await self.exchange("PATCH", path, body, headers)
        if answer.status == 401 and await self.door.renew(answer.login):
            answer = await self.exchange("PATCH", path, body, headers)
        return answer

    async def ask(self, path: str, body: JsonObject) -> Reply:
        """POST an action, exactly once."""
        return await self._post(path, body)

    async def push(self, path: str, form: Any, seconds: float) -> Reply:
        """POST an upload that streams itself, exactly once, within ``seconds``."""
        return await self._post(path, form, seconds)

    async def _post(self, path: str, body: Any, seconds: float | None = None) -> Reply:
        path = self._own(path)
        async with self._writing:
            if self.door.session and time.monotonic() - self._answered > _IDLE:
                await self.door.renew(self.door.login)
            answer = await self.exchange("POST", path, body, seconds=seconds)
            if answer.status == 401 and await self.door.renew(answer.login):
                doing = self.doing("POST", path)
                raise SessionEnded(f"{doing}: the session had ended, and nothing was done")
            return self._judge("POST", path, answer)

    async def remove(self, path: str) -> Reply:
        """DELETE a resource; one that is gone already raises ``NotSupported``.

        Without an answer we look whether it is gone, and ask once more where it is not.
        """
        path = self._own(path)
        async with self._writing:
            try:
                answer = await self._delete(path)
            except OutcomeUnknown as unknown:
                try:
                    await self.read(path)
                except NotSupported:
                    return Reply(status=204, body={}, headers={})
                except ProvisionError:
                    raise unknown from None
                answer = await self._delete(path)
            return self._judge("DELETE", path, answer)

    async def _delete(self, path: str) -> Answer:
        answer = await self.exchange("DELETE", path)
        if answer.status == 401 and await self.door.renew(answer.login):
            answer = await self.exchange("DELETE", path)
        return answer

    @property
    def session(self) -> str:
        """The path of our own session; empty without one."""
        return self.door.session

    @property
    def password_due(self) -> JsonObject | None:
        """What the BMC said of a password that has to be changed before anything else."""
        return self.door.password_due

    # -- what they are made of ----------------------------------------------------------------

    async def exchange(  # noqa: PLR0913 - each is one property of a request
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        login: Login | None = None,
        seconds: float | None = None,
        fresh: bool | None = None,
    ) -> Answer:
        """Send one request; return whatever answer came, or raise our error if none did."""
        self.door.check()
        doing = self.doing(method, path)
        login = self.door.login if login is None else login
        async with self._places:
            request = Request(
                method=method,
                path=path,
                doing=doing,
                seconds=self._budget.request(doing, seconds),
                login=login,
                body=body,
                headers=headers,
                fresh=method != "GET" if fresh is None else fresh,
            )
            answer = await self._line.send(request)
        self._budget.answer(len(answer.raw))
        self._answered = time.monotonic()
        return answer.without(login.token)

    def _judge(self, method: str, path: str, answer: Answer) -> Reply:
        doing = self.doing(method, path)
        if not 200 <= answer.status < 300:
            raise replies.error_for(doing, answer)
        # What was done is done, whatever nonsense confirms it; what is read has to make sense.
        body = replies.parse(doing, answer.raw) if method == "GET" else answer.content()
        size = len(answer.raw)
        return Reply(status=answer.status, body=body, headers=answer.headers, size=size)

    def _own(self, path: str) -> str:
        """Return ``path`` if it is one on this BMC; all requests but those of login pass here."""
        return addresses.resource(path, self._address.authority)

    def doing(self, method: str, path: str) -> Doing:
        """Return what a request does, for messages."""
        return Doing(method=method, path=path, who=self._address.authority)

    def grace(self, seconds: float) -> None:
        """Allow the requests of a logout, also when the deadline is over."""
        self._budget.grace(seconds)

    async def pause(self, error: ProvisionError) -> None:
        """Wait as long as the BMC asks for, or a little; raise ``error`` where time is short."""
        asked = error.retry_after if isinstance(error, Busy) else None
        wait = asked if asked is not None else random.uniform(*_PAUSE)  # noqa: S311 - mere jitter
        if not await self._budget.pause(wait):
            raise error
