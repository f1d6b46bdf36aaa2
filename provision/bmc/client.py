"""The guarded way to a BMC: one identity checked, one session opened, and always closed again.

The only module that imports the ``redfish`` library. Its async client checks origins and follows no
redirect; what it leaves open is closed here: deadlines, retries of reads alone, one login try,
answers that break the rules, and a logout that happens whatever the body did.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from multidict import CIMultiDict

from provision.bmc import address as addresses
from provision.bmc import login, replies, transport, trust
from provision.bmc.address import Address
from provision.bmc.errors import (
    BadReply,
    Busy,
    NotSupported,
    PasswordChangeRequired,
)
from provision.bmc.known import KnownBmcs
from provision.bmc.replies import Answer, JsonObject, Reply
from provision.bmc.service import Bmc, link
from provision.bmc.trust import Tls
from provision.core.errors import (
    CredentialsError,
    MissingTool,
    OutcomeUnknown,
    ProvisionError,
    Timeout,
    Unreachable,
)
from provision.core.events import Observer, ignore
from provision.core.secrets import Secret
from provision.core.text import clean

try:
    from redfish.aio import AsyncRedfishClient, RedfishError, RedfishTimeoutError
except ImportError as error:  # another distribution installs a package of the same name
    raise MissingTool(
        "loading DMTF's redfish library: what is installed as `redfish` is not it, or too old",
        hint="Uninstall python-ilorest-library here, then: pip install 'redfish[aiohttp]>=3.4.2'",
    ) from error

__all__ = ["Access", "Bmc", "Tls", "connect"]

_log = logging.getLogger(__name__)

_READ_TRIES = 3
_LOGIN_TRIES = 3
_PAUSE = (0.5, 1.0)  # seconds between them
_LOGOUT = 5.0
_WORDS = {"GET": "reading", "PATCH": "changing", "POST": "asking for", "DELETE": "deleting"}
#: Requests in one connection; the largest honest inventory seen takes some hundreds.
_MOST_REQUESTS = 5000


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach one BMC. ``timeout`` bounds one request, ``deadline`` all of them together."""

    url: str
    user: str = ""
    password: Secret | None = None
    tls: Tls = Tls.AUTO
    ca_file: Path | None = None
    timeout: float = 30.0
    deadline: float | None = None
    #: Whether a login to an account whose password has to be changed first will do.
    to_change_password: bool = False


@contextlib.asynccontextmanager
async def connect(access: Access, *, observer: Observer = ignore) -> AsyncIterator[Bmc]:
    """Check who the BMC is, log in, and yield it; log out at the end, come what may."""
    address = addresses.parse(access.url)
    policy = trust.Policy(
        tls=access.tls, ca_file=access.ca_file, timeout=access.timeout, known=KnownBmcs()
    )
    identity, proof = await trust.establish(address, policy, observer)
    async with transport.open_session(proof, access.timeout) as http:
        wire = Wire(access, address, http)
        try:
            root = await wire.log_in()
            bmc = Bmc(wire=wire, address=address, root=root, tls=identity)
            if wire.password_due is None:  # else nothing can be read yet
                await bmc.recognise()
            yield bmc
        finally:
            await wire.log_out()


class Wire:
    """Requests to one BMC, each within its limits; every error is one of ours."""

    def __init__(self, access: Access, address: Address, http: aiohttp.ClientSession) -> None:
        self._access = access
        self._address = address
        self._http = http
        self._anonymous = self._client = self._new_client()
        self._places = asyncio.Semaphore(transport.IN_FLIGHT)
        self._renewing = asyncio.Lock()
        self._place = ""  # of our session; empty without one
        #: What the BMC said of a password that has to be changed before anything else.
        self.password_due: JsonObject | None = None
        self._denied: set[str] = set()
        self._refused: CredentialsError | None = None
        self._sessions = ""
        self._sent = 0
        self._end = None if access.deadline is None else _now() + access.deadline

    def _new_client(self, **proof: str) -> Any:
        return AsyncRedfishClient(self._address.origin, session=self._http, **proof)

    # -- requests -----------------------------------------------------------------------------

    async def read(self, path: str) -> Reply:
        """GET, repeated a little where the connection broke or the BMC was busy."""
        path = self._own(path)
        for tries_left in reversed(range(_READ_TRIES)):
            try:
                return await self._read_once(path)
            except (Busy, transport.Dropped) as error:
                if not tries_left:
                    raise
                await self._pause(error)
        raise AssertionError("a read ends with an answer or an error")

    async def _read_once(self, path: str) -> Reply:
        answer = await self._exchange("GET", path)
        if answer.status == 401 and self._place and path not in self._denied:
            await self._renew(answer.login)
            answer = await self._exchange("GET", path)
            if answer.status == 401:  # it was not the session: do not open another one for it
                self._denied.add(path)
        if answer.status == 406:  # some serve their registries only compressed
            answer = await self._exchange("GET", path, headers={"Accept-Encoding": "gzip"})
        return self._judge("GET", path, answer)

    async def change(self, path: str, body: JsonObject) -> Reply:
        """PATCH, sent once; a BMC that insists on If-Match gets it with the tag just read."""
        path = self._own(path)
        answer = await self._exchange("PATCH", path, body)
        if answer.status in (412, 428) and (tag := (await self.read(path)).etag):
            answer = await self._exchange("PATCH", path, body, {"If-Match": tag})
        return self._judge("PATCH", path, answer)

    async def ask(self, path: str, body: JsonObject) -> Reply:
        """POST an action, exactly once."""
        path = self._own(path)
        return self._judge("POST", path, await self._exchange("POST", path, body))

    async def push(self, path: str, form: Any, seconds: float) -> Reply:
        """POST an upload that streams itself, exactly once, within ``seconds``."""
        path = self._own(path)
        return self._judge("POST", path, await self._exchange("POST", path, form, seconds=seconds))

    async def remove(self, path: str) -> Reply:
        """DELETE a resource; one that is gone already raises ``NotSupported``."""
        path = self._own(path)
        return self._judge("DELETE", path, await self._exchange("DELETE", path))

    @property
    def session(self) -> str:
        """The path of our own session; empty without one."""
        return self._place

    async def _exchange(  # noqa: PLR0913 - each is one property of a request
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        client: Any = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send one request; return whatever answer came, or raise our error if none did."""
        if self._refused:
            raise self._refused
        doing = self._doing(method, path)
        options: dict[str, Any] = {"headers": headers} | (
            {"body": body} if body is not None else {}
        )
        async with self._places:
            options["timeout"] = transport.limits(self._left(doing, seconds))
            client = client or self._client
            try:
                reply = await getattr(client, method.lower())(path, **options)
            except RedfishError as error:
                raise transport.no_answer(
                    doing, method, error.__cause__, timed_out=isinstance(error, RedfishTimeoutError)
                ) from error
        headers_in = CIMultiDict(reply.getheaders())
        return Answer(status=reply.status, raw=reply.read, headers=headers_in, login=client)

    def _judge(self, method: str, path: str, answer: Answer) -> Reply:
        doing = self._doing(method, path)
        if not 200 <= answer.status < 300:
            raise replies.error_for(doing, answer)
        # What was done is done, whatever nonsense confirms it; what is read has to make sense.
        body = replies.parse(doing, answer.raw) if method == "GET" else answer.content()
        return Reply(status=answer.status, body=body, headers=answer.headers)

    def _own(self, path: str) -> str:
        """Return ``path`` if it is one on this BMC; all requests but those of login pass here."""
        return addresses.resource(path, self._who)

    def _doing(self, method: str, path: str) -> str:
        return f"{_WORDS[method]} {clean(path, 120)} at {self._who}"

    def _left(self, doing: str, most: float | None = None) -> float:
        """Return the seconds the next request may take; raise when there are none."""
        most = self._access.timeout if most is None else most
        self._sent += 1
        if self._sent > _MOST_REQUESTS:
            raise BadReply(f"{doing}: {_MOST_REQUESTS} requests were not enough")
        if self._end is None:
            return most
        if (left := self._end - _now()) <= 0:
            raise Timeout(f"{doing}: the {self._access.deadline:g} s for this job are over")
        return min(left, most)

    async def _pause(self, error: ProvisionError) -> None:
        asked = error.retry_after if isinstance(error, Busy) else None
        wait = asked if asked is not None else random.uniform(*_PAUSE)  # noqa: S311 - mere jitter
        if self._end is not None and _now() + wait >= self._end:
            raise error
        await asyncio.sleep(wait)

    # -- sessions -----------------------------------------------------------------------------

    async def log_in(self) -> JsonObject:
        """Log in by session, else by Basic where there are no sessions; return the service root.

        The password is judged once: a second try with a wrong one brings a lockout nearer.
        """
        root = await self._root()
        if self._access.password is None:
            if root is None:
                raise CredentialsError(f"reading the service root of {self._who}: it wants a login")
            return root
        if root is None:
            await self._use_basic()
            return (await self.read(f"{addresses.ROOT}/")).body
        if sessions := login.sessions(root):
            with contextlib.suppress(NotSupported):
                await self._open_session(sessions)
                return root
        await self._use_basic()
        await self.read(link(root, "Systems") or f"{addresses.ROOT}/Systems")
        return root

    async def _root(self) -> JsonObject | None:
        """Return the service root, readable by anyone; None where the BMC will not have that."""
        try:
            root = (await self.read(f"{addresses.ROOT}/")).body
        except CredentialsError:
            return None
        except NotSupported as error:
            raise BadReply(f"looking for Redfish at {self._who}: {error}") from error
        if not ("RedfishVersion" in root or "Systems" in root):
            raise BadReply(f"looking for Redfish at {self._who}: what answers is no service root")
        return root

    async def _open_session(self, sessions: str) -> None:
        self._sessions = sessions = self._own(sessions)
        doing = f"logging in to {self._who} as {clean(self._access.user, 40)}"
        answer = await self._ask_for_session(doing, sessions)
        content = replies.parse(doing, answer.raw)
        token, path = login.opened(doing, answer, content, self._who)
        try:
            self._client = self._new_client(session_key=token, session_location=path)
        except (RedfishError, ValueError) as error:
            raise BadReply(f"{doing}: the session it opened makes no sense") from error
        self._place = path
        if "PasswordChangeRequired" in replies.message_ids(content):
            self.password_due = content
            if self._access.to_change_password:
                return
            raise PasswordChangeRequired(f"{doing}: {replies.said(content)}")

    async def _ask_for_session(self, doing: str, sessions: str) -> Answer:
        """Send the login, again only where the BMC said that it has no time or place for it."""
        body = {"UserName": self._access.user, "Password": self._password}
        for tries_left in reversed(range(_LOGIN_TRIES)):
            try:
                answer = await self._exchange("POST", sessions, body, client=self._anonymous)
            except OutcomeUnknown as error:
                raise Unreachable(f"{doing}: no answer") from error
            if 200 <= answer.status < 300:
                return answer
            refusal = login.error(doing, answer)
            if not (isinstance(refusal, Busy) and tries_left):
                raise refusal
            await self._pause(refusal)
        raise AssertionError("a login ends with an answer or an error")

    async def _use_basic(self) -> None:
        if ":" in self._access.user:
            raise CredentialsError(f"logging in to {self._who}: a user name there holds no colon")
        self._client = self._new_client(username=self._access.user, password=self._password)
        await self._client.login("basic")

    async def _renew(self, expired: Any) -> None:
        """Open a new session in place of one that ended; one task does it for all."""
        async with self._renewing:
            if self._client is not expired:
                return
            if (await self._exchange("GET", self._place)).status not in (401, 404):
                return  # our session lives: the refusal was about the resource
            try:
                await self._open_session(self._sessions)
            except CredentialsError as error:
                self._refused = error
                raise

    async def log_out(self) -> None:
        """Delete our session: shielded from cancellation, short, never the error that is seen."""
        closing = asyncio.ensure_future(self._client.logout())
        closing.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(_LOGOUT):
                await asyncio.shield(closing)
        except (RedfishError, TimeoutError) as error:
            _log.info("logging out of %s: %s", self._who, clean(error))

    @property
    def _who(self) -> str:
        return self._address.authority

    @property
    def _password(self) -> str:
        return self._access.password.reveal() if self._access.password else ""


def _now() -> float:
    return asyncio.get_running_loop().time()
