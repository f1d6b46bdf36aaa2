"""The guarded way to a BMC: one identity checked, one session opened, and always closed again.

The only module that imports the ``redfish`` library. Its async client checks origins and follows no
redirect; what it leaves open is closed here and below: deadlines, retries of reads alone, one login
try, answers that break the rules, and a logout that happens whatever the body did.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from provision.bmc import address as addresses
from provision.bmc import etags, transport, trust
from provision.bmc import proxy as proxies
from provision.bmc.access import Access
from provision.bmc.address import Address
from provision.bmc.known import KnownBmcs
from provision.bmc.login import Login
from provision.bmc.replies import Answer
from provision.bmc.service import Bmc
from provision.bmc.trust import Tls
from provision.bmc.wire import Request, Wire
from provision.core.errors import MissingTool
from provision.core.events import Observer, ignore

try:
    from redfish.aio import AsyncRedfishClient, RedfishError, RedfishTimeoutError
except ImportError as error:  # another distribution installs a package of the same name
    raise MissingTool(
        "loading DMTF's redfish library: what is installed as `redfish` is not it, or too old",
        hint="Uninstall python-ilorest-library here, then: pip install 'redfish[aiohttp]>=3.4.2'",
    ) from error

__all__ = ["Access", "Bmc", "Tls", "connect"]

#: One client has one login and one kind of connection; there are two or three of each at a time.
_MOST_CLIENTS: Final = 8


@contextlib.asynccontextmanager
async def connect(access: Access, *, observer: Observer = ignore) -> AsyncIterator[Bmc]:
    """Check who the BMC is, log in, and yield it; log out at the end, come what may."""
    address = addresses.parse(access.url)
    proxy = proxies.from_env(address) if access.proxy_from_env else None
    policy = trust.Policy(
        tls=access.tls,
        ca_file=access.ca_file,
        timeout=access.timeout,
        known=KnownBmcs(),
        proxy=proxy,
    )
    identity, proof = await trust.establish(address, policy, observer)
    connections = transport.Connections(proof, access.timeout, proxy)
    async with contextlib.aclosing(_Line(address, connections)) as line:
        wire = Wire(access, address, line)
        try:
            root = await wire.door.enter()
            meet = functools.partial(trust.meet, address, policy, observer)
            bmc = Bmc(wire=wire, address=address, root=root, tls=identity, meet=meet)
            if wire.password_due is None:  # else nothing can be read yet
                await bmc.recognise()
                wire.etags = etags.policy(bmc.platform.quirks)
            yield bmc
        finally:
            await wire.door.leave()


class _Line:
    """One BMC's connections, spoken to through DMTF's client."""

    def __init__(self, address: Address, connections: transport.Connections) -> None:
        self._origin = address.origin
        self._connections = connections
        self._clients: dict[tuple[Login, int], Any] = {}

    async def send(self, request: Request) -> Answer:
        """Send a request once; raise our error where no answer came."""
        options: dict[str, Any] = {
            "headers": request.headers,
            "timeout": transport.limits(request.seconds),
        }
        if request.body is not None:
            options["body"] = request.body
        http = self._connections.session(fresh=request.fresh)
        client = await self._client(request.login, http)
        try:
            reply = await getattr(client, request.method.lower())(request.path, **options)
        except RedfishError as error:
            raise transport.no_answer(
                request.doing,
                request.method,
                error.__cause__,
                timed_out=isinstance(error, RedfishTimeoutError),
            ) from error
        headers = CIMultiDict(reply.getheaders())
        return Answer(status=reply.status, raw=reply.read, headers=headers, login=request.login)

    async def _client(self, login: Login, http: aiohttp.ClientSession) -> Any:
        key = (login, id(http))
        if key not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:  # of sessions that ended
                self._clients.clear()
            proof: dict[str, str] = {}
            if login.token:
                proof = {"session_key": login.token, "session_location": login.path}
            elif login.user:
                proof = {"username": login.user, "password": login.password}
            self._clients[key] = AsyncRedfishClient(self._origin, session=http, **proof)
            if login.user:
                await self._clients[key].login("basic")
        return self._clients[key]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.close()
