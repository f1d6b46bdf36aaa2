"""HTTP as Redfish wants it: authentication, headers, ETags, errors, and the planned faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError

from provision.sim.bmc import Bmc
from provision.sim.faults import Kind
from provision.sim.messages import Json, Problem, Reply
from provision.sim.queries import expand
from provision.sim.tree import Resource, Upload, etag

_HEADERS: Final = {
    "OData-Version": "4.0",
    "Cache-Control": "no-store",
    "Server": "bareiron-simulator",
}


class Service:
    """Answers the requests to one BMC."""

    def __init__(self, bmc: Bmc) -> None:
        self.bmc = bmc

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, write it down, and misbehave where that is planned."""
        bmc, method, path = self.bmc, request.method, request.path
        body: Json = {}
        try:
            body = {} if self._takes_files(request) else await _body(request)
            reply = await self._answer(request, body)
        except Problem as problem:
            reply = problem.reply()
        slow = bmc.faults.take(Kind.SLOW, method, path)
        dropped = bmc.faults.take(Kind.DROP, method, path)
        bmc.journal.add(method, path, 0 if dropped else reply.status, body or None)
        await asyncio.sleep(bmc.machine.timing.reply + (slow.seconds if slow else 0))
        if dropped and request.transport:
            request.transport.abort()
        return _response(reply, head=method == "HEAD")

    async def _answer(self, request: web.BaseRequest, body: Json) -> Reply:
        method, path = request.method, request.path
        busy = self.bmc.faults.take(Kind.BUSY, method, path)
        if busy:
            seconds = f"{busy.seconds:g}"
            raise Problem(
                "ServiceTemporarilyUnavailable", seconds, headers={"Retry-After": seconds}
            )
        if request.headers.get("OData-Version", "4.0") != "4.0":
            raise Problem("PreconditionFailed")
        if method == "POST":  # the Members property of a collection stands for the collection
            path = path.rstrip("/").removesuffix("/Members")
        found = self.bmc.tree.get(path.rstrip("/"))
        self._admit(request, found)
        found = self.bmc.tree.find(path)
        if method in ("GET", "HEAD"):
            reply = self._read(found, request)
        elif method == "POST" and found.upload:
            reply = await self._upload(found.upload, request)
        else:
            reply = await self._write(found, method, path, body, request.headers)
        return replace(reply, headers={"Allow": found.allow, **reply.headers})

    def _takes_files(self, request: web.BaseRequest) -> bool:
        found = self.bmc.tree.get(request.path.rstrip("/"))
        return request.method == "POST" and found is not None and found.upload is not None

    async def _upload(self, take: Upload, request: web.BaseRequest) -> Reply:
        if self.bmc.faults.take(Kind.CONFLICT, "POST", request.path):
            raise Problem("ResourceInUse")
        if self.bmc.faults.take(Kind.LIE, "POST", request.path):
            async for _ in request.content.iter_any():
                pass
            return Reply(status=202)
        return await take(request)

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
        tag = etag(body)
        if request.headers.get("If-None-Match") == tag:
            return Reply(status=304, headers={"ETag": tag})
        schema = str(body["@odata.type"]).strip("#").split(".")[0]
        described = f"<http://redfish.dmtf.org/schemas/v1/{schema}.json>; rel=describedby"
        body = expand(self.bmc.tree, body, request.query)
        return Reply(body={**body, "@odata.etag": tag}, headers={"ETag": tag, "Link": described})

    async def _write(
        self, found: Resource, method: str, path: str, body: Json, headers: Mapping[str, str]
    ) -> Reply:
        if self.bmc.faults.take(Kind.CONFLICT, method, path):
            raise Problem("ResourceInUse")
        lied = self.bmc.faults.take(Kind.LIE, method, path)
        if method == "POST" and found.post:
            return Reply(status=204) if lied else await found.post(body)
        _match(found, headers.get("If-Match"))
        if method == "PATCH" and found.patch and found.body:
            if not lied:
                found.patch(body)
            shown = found.body()
            tag = etag(shown)
            return Reply(body={**shown, "@odata.etag": tag}, headers={"ETag": tag})
        if method == "DELETE" and found.delete:
            if not lied:
                found.delete()
            return Reply(status=204)
        raise _not_allowed(found)


def _not_allowed(found: Resource) -> Problem:
    return Problem("OperationNotAllowed", headers={"Allow": found.allow})


def _match(found: Resource, wanted: str | None) -> None:
    """Refuse a change to something else than the client has seen."""
    if wanted in (None, "*") or not found.body:
        return
    if wanted != etag(found.body()):
        raise Problem("PreconditionFailed")


def _logs_in(request: web.BaseRequest) -> bool:
    """Whether the request carries credentials, in its headers or as a login."""
    login = request.method == "POST" and request.path.rstrip("/").endswith("/Sessions")
    return login or "Authorization" in request.headers or "X-Auth-Token" in request.headers


async def _body(request: web.BaseRequest) -> Json:
    """Return the JSON object a write carries; an empty body counts as an empty object."""
    if request.method not in ("POST", "PATCH", "PUT"):
        return {}
    try:
        raw = await request.read()
    except web.HTTPException as error:
        raise Problem("UnrecognizedRequestBody") from error
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
    """Return the HTTP server of one BMC; it takes bodies of 1 MiB at most."""
    return _Server(Service(bmc).handle)


class _Server(web.Server):
    """Makes connections whose own errors are Redfish errors, too."""

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
