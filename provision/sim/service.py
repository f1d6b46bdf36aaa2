"""HTTP as Redfish wants it: authentication, headers, ETags, errors, and the planned faults."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError

from provision.sim.bmc import Bmc
from provision.sim.faults import Kind
from provision.sim.manners import Exchange
from provision.sim.messages import Json, Problem, Reply
from provision.sim.mischief import spoiled, swap_certificate, wire
from provision.sim.personalities import dress
from provision.sim.tree import Resource, Upload

_HEADERS: Final = {
    "OData-Version": "4.0",
    "Cache-Control": "no-store",
    "Server": "bareiron-simulator",
}


class Service:
    """Answers the requests to one BMC."""

    def __init__(self, bmc: Bmc) -> None:
        self.bmc = bmc
        self._gone_until = 0.0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, write it down, and misbehave where that is planned."""
        bmc, method, path = self.bmc, request.method, request.path
        body: Json = {}
        if self._gone(request):
            bmc.journal.add(method, path, 0, None)
            return _cut(request)
        try:
            raw = b"" if self._takes_files(request) else await _raw(request)
            body = _parsed(raw)
            reply = await self._answer(request, body, raw)
        except Problem as problem:
            reply = problem.reply()
        reply = spoiled(bmc.manners.outward(reply), bmc.faults, method, path)
        slow = bmc.faults.take(Kind.SLOW, method, path)
        dropped = bmc.faults.take(Kind.DROP, method, path)
        rewire = wire(bmc.faults, method, path)
        bmc.journal.add(method, path, 0 if dropped else reply.status, body or None)
        await asyncio.sleep(bmc.machine.timing.reply + (slow.seconds if slow else 0))
        if dropped:
            return _cut(request)
        return rewire(_response(reply, head=method == "HEAD"))

    def _gone(self, request: web.BaseRequest) -> bool:
        """Whether the BMC restarts, or begins to; see to what befalls it as a whole, too."""
        bmc, method, path = self.bmc, request.method, request.path
        now = time.monotonic()
        if now < self._gone_until:
            return True
        if bmc.faults.take(Kind.CERTIFICATE, method, path) and request.transport:
            swap_certificate(request.transport.get_extra_info("sslcontext"))
        if bmc.faults.take(Kind.EXPIRE, method, path):
            bmc.access.forget()
        restart = bmc.faults.take(Kind.RESTART, method, path)
        if restart:
            bmc.access.forget()
            self._gone_until = now + restart.seconds
        return restart is not None

    async def _answer(self, request: web.BaseRequest, body: Json, raw: bytes) -> Reply:
        bmc, method = self.bmc, request.method
        self._interfere(request)
        if request.headers.get("OData-Version", "4.0") != "4.0":
            raise Problem("PreconditionFailed")
        path = bmc.manners.inward(request.path)
        if method == "POST":  # the Members property of a collection stands for the collection
            path = path.rstrip("/").removesuffix("/Members")
        found = bmc.tree.get(path.rstrip("/"))
        self._admit(request, found)
        if found is None:
            raise Problem("ResourceMissingAtURI", request.path)
        exchange = Exchange(method=method, path=path, body=body, raw=raw, headers=request.headers)
        bmc.manners.admit(exchange)
        if method in ("GET", "HEAD"):
            reply = self._read(found, request)
        elif method == "POST" and found.upload:
            reply = await self._upload(found.upload, request)
        else:
            reply = await self._write(found, exchange, request.path)
        return replace(reply, headers={"Allow": found.allow, **reply.headers})

    def _takes_files(self, request: web.BaseRequest) -> bool:
        found = self.bmc.tree.get(self.bmc.manners.inward(request.path).rstrip("/"))
        return request.method == "POST" and found is not None and found.upload is not None

    async def _upload(self, take: Upload, request: web.BaseRequest) -> Reply:
        if self.bmc.faults.take(Kind.CONFLICT, "POST", request.path):
            raise Problem("ResourceInUse")
        if self.bmc.faults.take(Kind.LIE, "POST", request.path):
            async for _ in request.content.iter_any():
                pass
            return Reply(status=202)
        return await take(request)

    def _interfere(self, request: web.BaseRequest) -> None:
        """Refuse what a planned fault refuses before anybody looks at the request."""
        faults, method, path = self.bmc.faults, request.method, request.path
        busy = faults.take(Kind.BUSY, method, path)
        if busy:
            seconds = f"{busy.seconds:g}"
            raise Problem(
                "ServiceTemporarilyUnavailable", seconds, headers={"Retry-After": seconds}
            )
        login = method == "POST" and path.rstrip("/").endswith("/Sessions")
        if login and faults.take(Kind.FULL, method, path):
            raise self.bmc.access.full()

    def _admit(self, request: web.BaseRequest, found: Resource | None) -> None:
        """Let the request in, or refuse it; what is not there is not told to strangers."""
        bmc, method = self.bmc, request.method
        public = found is not None and (
            found.public_post if method == "POST" else found.public and method in ("GET", "HEAD")
        )
        denied = bmc.faults.take(Kind.DENY, method, request.path) if _logs_in(request) else None
        account = None if denied else bmc.access.who(request.headers)
        if denied or not (public or account):
            raise Problem("NoValidSession", headers={"WWW-Authenticate": 'Basic realm="Redfish"'})
        if public or not account or not found or method in ("GET", "HEAD"):
            return
        if account.user != found.owner and not account.may(found.needs):
            raise Problem("InsufficientPrivilege")

    def _read(self, found: Resource, request: web.BaseRequest) -> Reply:
        if found.text:
            return Reply(body={"": found.text()}, headers={"Content-Type": "application/xml"})
        if not found.body:
            raise _not_allowed(found)
        body = found.body()
        if "@odata.id" not in body:
            return Reply(body=body)
        manners = self.bmc.manners
        tag = manners.tag(body, request.headers)
        tagged = {"ETag": tag} if tag else {}
        if tag and request.headers.get("If-None-Match") == tag:
            return Reply(status=304, headers=tagged)
        schema = str(body.get("@odata.type", "")).strip("#").split(".")[0]
        described = f"<http://redfish.dmtf.org/schemas/v1/{schema}.json>; rel=describedby"
        shown = manners.expand(self.bmc.tree, body, request.query)
        return Reply(body=self._tagged(shown, body), headers={**tagged, "Link": described})

    def _tagged(self, shown: Json, body: Json) -> Json:
        tag = self.bmc.manners.body_tag(body)
        return {**shown, "@odata.etag": tag} if tag else shown

    async def _write(self, found: Resource, exchange: Exchange, asked: str) -> Reply:
        method, body, headers = exchange.method, exchange.body, exchange.headers
        if self.bmc.faults.take(Kind.CONFLICT, method, asked):
            raise Problem("ResourceInUse")
        lied = self.bmc.faults.take(Kind.LIE, method, asked)
        if method == "POST" and found.post:
            return Reply(status=204) if lied else await found.post(body)
        if found.body and "If-Match" in headers:
            self.bmc.manners.match(found.body(), headers["If-Match"])
        if method == "PATCH" and found.body and (found.patch or found.change):
            return await self._patch(found, body, headers, lied=lied is not None)
        if method == "DELETE" and found.delete:
            if not lied:
                found.delete()
            return Reply(status=204)
        raise _not_allowed(found)

    async def _patch(
        self, found: Resource, body: Json, headers: Mapping[str, str], *, lied: bool
    ) -> Reply:
        if found.change and not lied:
            reply = await found.change(body)
            if reply.status != 200:
                return reply
        elif found.patch and not lied:
            found.patch(body)
        shown = found.body() if found.body else {}
        tag = self.bmc.manners.tag(shown, headers)
        return Reply(body=self._tagged(shown, shown), headers={"ETag": tag} if tag else {})


def _cut(request: web.BaseRequest) -> web.Response:
    """Cut the connection; what is returned goes nowhere."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _not_allowed(found: Resource) -> Problem:
    return Problem("OperationNotAllowed", headers={"Allow": found.allow})


def _logs_in(request: web.BaseRequest) -> bool:
    """Whether the request carries credentials, in its headers or as a login."""
    login = request.method == "POST" and request.path.rstrip("/").endswith("/Sessions")
    return login or "Authorization" in request.headers or "X-Auth-Token" in request.headers


async def _raw(request: web.BaseRequest) -> bytes:
    """Return the bytes a write carries."""
    if request.method not in ("POST", "PATCH", "PUT"):
        return b""
    try:
        return await request.read()
    except web.HTTPException as error:
        raise Problem("UnrecognizedRequestBody") from error


def _parsed(raw: bytes) -> Json:
    """Return the JSON object a write carries; an empty body counts as an empty object."""
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem("MalformedJSON") from error
    if not isinstance(value, dict):
        raise Problem("UnrecognizedRequestBody")
    return value


def _response(reply: Reply, *, head: bool) -> web.Response:
    headers = {**_HEADERS, **reply.headers}
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    if "" in reply.body:
        data = str(reply.body[""]).encode()
    else:
        data = json.dumps(reply.body).encode()
        headers["Content-Type"] = "application/json; charset=utf-8"
    if head:
        headers["Content-Length"] = str(len(data))
        data = b""
    return web.Response(status=reply.status, headers=headers, body=data)


def server(bmc: Bmc) -> web.Server:
    """Return the HTTP server of one BMC, dressed as its server's description says.

    It takes bodies of 1 MiB at most.
    """
    dress(bmc)
    return _Server(bmc)


class _Server(web.Server):
    """Makes connections whose own errors are Redfish errors, too."""

    def __init__(self, bmc: Bmc) -> None:
        super().__init__(Service(bmc).handle)
        self._bmc = bmc

    async def shutdown(self, timeout: float | None = None) -> None:
        """Close the connections, and what the personality keeps running."""
        await self._bmc.manners.close()
        await super().shutdown(timeout)

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop())


class _Connection(web.RequestHandler):
    """Answers what never gets as far as the service: bytes that are no HTTP, unknown methods."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the error to answer; a bug of ours is logged by the parent."""
        if isinstance(exc, BadHttpMethod):
            reply = replace(Problem("OperationNotAllowed").reply(), status=501)
        elif isinstance(exc, HttpProcessingError):
            reply = Problem("UnrecognizedRequestBody").reply()
        else:
            return super().handle_error(request, status, exc, message)
        response = _response(reply, head=False)
        response.force_close()
        return response
