"""An image's web server, looked at before a BMC is sent there: warnings, never an error."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trustme
from aiohttp import web

from provision.bmc import media_check

Serve = Callable[..., Awaitable[str]]
IMAGE = bytes(range(256)) * 16
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def ranged(request: web.Request) -> web.StreamResponse:
    """An image with everything a BMC wants."""
    part = request.http_range
    body = IMAGE[part] if part.start is not None or part.stop is not None else IMAGE
    headers = {"Content-Range": f"bytes 0-0/{len(IMAGE)}"} if len(body) == 1 else {}
    return web.Response(status=206 if headers else 200, body=body, headers=headers)


async def plain(_request: web.Request) -> web.StreamResponse:
    """An image in one piece, whatever was asked for."""
    return web.Response(body=IMAGE)


async def chunked(request: web.Request) -> web.StreamResponse:
    """An image in chunks, of a length nobody tells."""
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    await answer.write(IMAGE)
    return answer


async def missing(_request: web.Request) -> web.StreamResponse:
    """No image."""
    return web.Response(status=404)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve with a handler; return the address of the image."""
    runners = []

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "https" if tls else "http"
        return f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/images/xen.iso"

    yield start
    for runner in runners:
        await runner.cleanup()


def told(found: media_check.Checked) -> list[str]:
    """The warnings, without the one that every address of a test earns."""
    return [each for each in found.warnings if "look at itself" not in each]


async def test_a_server_as_bmcs_like_it(serve: Serve) -> None:
    """Length and Range are there: nothing to say but that the address is our own."""
    found = await media_check.check(await serve(ranged))
    assert (found.reached, found.size, found.ranges) == (True, len(IMAGE), True)
    assert told(found) == []
    assert len(found.warnings) == 1
    assert found.as_dict()["size"] == len(IMAGE)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (plain, ["ignores Range"]),
        (chunked, ["ignores Range", "in chunks", "its length"]),
        (missing, ["answers 404"]),
    ],
)
async def test_what_bmcs_stumble_over(serve: Serve, handler: Handler, words: list[str]) -> None:
    """Each shortcoming is one warning."""
    warnings = told(await media_check.check(await serve(handler)))
    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


async def test_a_redirect_is_not_followed(serve: Serve) -> None:
    """BMCs do not, so neither do we."""

    async def away(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/x.iso"})

    found = await media_check.check(await serve(away))
    assert not found.reached
    assert "redirects to http://127.0.0.1:9/x.iso" in told(found)[0]


async def test_a_certificate_nobody_knows(serve: Serve) -> None:
    """It is said, and the rest is looked at nevertheless."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    found = await media_check.check(await serve(ranged, context))
    assert (found.reached, found.size) == (True, len(IMAGE))
    assert "no authority known here" in told(found)[0]


async def test_nobody_there_and_nobody_answering(serve: Serve) -> None:
    """A closed port and a server that says nothing: within the time, and with the reason."""

    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    for url in ("http://127.0.0.1:9/a/x.iso", await serve(silent)):
        found = await media_check.check(url, timeout=0.3)
        assert not found.reached
        assert "cannot be reached" in told(found)[0]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://127.0.0.1:9/images/x.iso?token=1", "? or &"),
        ("http://127.0.0.1:9/x.iso", "no folder"),
        ("http://127.0.0.1:9/images/", "no file"),
        ("http://localhost:9/images/x.iso", "look at itself"),
    ],
)
async def test_addresses_that_bmcs_do_not_like(url: str, word: str) -> None:
    """What can be seen in the address alone is said of it."""
    found = await media_check.check(url, timeout=0.3)
    assert any(word in warning for warning in found.warnings)


@pytest.mark.parametrize("url", ["nfs://10.0.0.1/images/x.iso", "cifs://10.0.0.1/images/x.iso"])
async def test_shares_are_not_asked(url: str) -> None:
    """Only web servers are looked at."""
    found = await media_check.check(url)
    assert (found.reached, found.warnings) == (False, ())
