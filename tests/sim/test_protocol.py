"""HTTP and Redfish rules of the simulated BMC."""

from __future__ import annotations

import pytest

from provision.sim import Rack, running, standard_mix
from provision.sim.access import TABLE
from tests.sim.client import CD, RESET, SESSIONS, SYSTEM, client


async def test_every_link_leads_somewhere(rack: Rack) -> None:
    """A client that follows links never meets a 404, and every body says what and where it is."""
    async with client(rack.servers[0]) as bmc:
        seen: set[str] = set()
        todo = ["/redfish/v1/"]
        while todo:
            uri = todo.pop()
            if uri in seen:
                continue
            seen.add(uri)
            body = await bmc.get(uri)
            assert body["@odata.id"] == uri
            assert body["@odata.type"].startswith("#")
            todo += _links(body)
        assert len(seen) > 50


def _links(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["@odata.id"]] if "@odata.id" in value else []
        return own + [uri for inner in value.values() for uri in _links(inner)]
    if isinstance(value, list):
        return [uri for inner in value for uri in _links(inner)]
    return []


async def test_only_the_root_is_open(rack: Rack) -> None:
    """Without credentials one sees that this is a Redfish service, and nothing of the server."""
    async with client(rack.servers[0]) as bmc:
        for path in ("/redfish", "/redfish/v1", "/redfish/v1/", "/redfish/v1/odata"):
            assert (await bmc.ask("GET", path, anonymous=True)).status == 200
        metadata = await bmc.ask("GET", "/redfish/v1/$metadata", anonymous=True)
        assert "ComputerSystem.v1" in metadata.body
        for path in ("/redfish/v1/Systems", SYSTEM, "/redfish/v1/nothing"):
            answer = await bmc.ask("GET", path, anonymous=True)
            assert (answer.status, answer.message) == (401, "NoValidSession")
            assert "Basic" in answer.headers["WWW-Authenticate"]


async def test_a_session_opens_works_and_closes(rack: Rack) -> None:
    """Login gives a token and a place to delete; after that the token is worthless."""
    server = rack.servers[0]
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        answer = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        assert answer.status == 201
        token = {"X-Auth-Token": answer.headers["X-Auth-Token"]}
        where = answer.headers["Location"]
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 200
        assert (await bmc.get(SESSIONS))["Members"] == [{"@odata.id": where}]
        assert (await bmc.ask("DELETE", where, headers=token, anonymous=True)).status == 204
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401
        assert (await bmc.ask("GET", where)).status == 404


async def test_the_session_table_fills_up(rack: Rack) -> None:
    """A client that never logs out is told so with the message real BMCs use."""
    server = rack.servers[0]
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        for _ in range(TABLE):
            assert (await bmc.ask("POST", SESSIONS, login, anonymous=True)).status == 201
        answer = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        assert (answer.status, answer.message) == (503, "SessionLimitExceeded")


async def test_an_unused_session_ends(rack: Rack) -> None:
    """The timeout is the one the session service names."""
    server = rack.servers[0]
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        await bmc.patch("/redfish/v1/SessionService", {"SessionTimeout": 30})
        answer = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        token = {"X-Auth-Token": answer.headers["X-Auth-Token"]}
        for session in server.bmc.access.sessions.values():
            session.used -= 31
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401
        assert (await bmc.get(SESSIONS))["Members@odata.count"] == 0


async def test_a_wrong_password_is_refused(rack: Rack) -> None:
    """For Basic and for sessions alike."""
    server = rack.servers[0]
    async with client(server) as bmc:
        bmc.login = "Basic YWRtaW46d3Jvbmc="
        assert (await bmc.ask("GET", SYSTEM)).status == 401
        wrong = {"UserName": server.user, "Password": "wrong"}
        assert (await bmc.ask("POST", SESSIONS, wrong, anonymous=True)).status == 401


async def test_etags_guard_changes(rack: Rack) -> None:
    """If-Match with what was read passes, with older it is 412; If-None-Match saves bytes."""
    async with client(rack.servers[0]) as bmc:
        read = await bmc.ask("GET", SYSTEM)
        tag = read.headers["ETag"]
        assert read.body["@odata.etag"] == tag
        unchanged = await bmc.ask("GET", SYSTEM, headers={"If-None-Match": tag})
        assert unchanged.status == 304
        change = {"AssetTag": "one"}
        done = await bmc.ask("PATCH", SYSTEM, change, headers={"If-Match": tag})
        assert done.status == 200
        assert done.headers["ETag"] != tag
        stale = await bmc.ask("PATCH", SYSTEM, {"AssetTag": "two"}, headers={"If-Match": tag})
        assert (stale.status, stale.message) == (412, "PreconditionFailed")
        assert (await bmc.get(SYSTEM))["AssetTag"] == "one"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/redfish/v1/Systems/2", None, 404, "ResourceMissingAtURI"),
        ("DELETE", SYSTEM, None, 405, "OperationNotAllowed"),
        ("GET", RESET, None, 405, "OperationNotAllowed"),
        ("PATCH", SYSTEM, {}, 400, "EmptyJSON"),
        ("PATCH", SYSTEM, [1], 400, "UnrecognizedRequestBody"),
        ("PATCH", SYSTEM, {"Colour": "red"}, 400, "PropertyUnknown"),
        ("PATCH", SYSTEM, {"Model": "other"}, 400, "PropertyNotWritable"),
        ("PATCH", SYSTEM, {"AssetTag": 7}, 400, "PropertyValueTypeError"),
        ("PATCH", SYSTEM, {"Boot": 7}, 400, "PropertyValueTypeError"),
        ("POST", RESET, {}, 400, "ActionParameterMissing"),
        ("POST", RESET, {"ResetType": "Explode"}, 400, "ActionParameterValueNotInList"),
        ("POST", RESET, {"ResetType": ["On"]}, 400, "ActionParameterValueTypeError"),
        ("POST", RESET, {"ResetType": "On", "Why": "x"}, 400, "ActionParameterUnknown"),
        ("POST", SESSIONS, {"UserName": "x"}, 400, "PropertyMissing"),
        ("GET", f"{SYSTEM}?$filter=x", None, 501, "QueryNotSupported"),
    ],
)
async def test_mistakes_are_answered_with_their_message(
    *, rack: Rack, method: str, path: str, body: object, status: int, message: str
) -> None:
    """Status, message id and ExtendedInfo are those of DMTF's Base registry."""
    async with client(rack.servers[0]) as bmc:
        answer = await bmc.ask(method, path, body)
        assert (answer.status, answer.message) == (status, message)
        info = answer.body["error"]["@Message.ExtendedInfo"][0]
        assert "%" not in info["Message"]
        assert info["MessageId"].startswith("Base.1.")


async def test_what_is_no_request_is_answered_too(rack: Rack) -> None:
    """An unknown method is 501 and broken JSON 400, each with a Redfish error."""
    async with client(rack.servers[0]) as bmc:
        answer = await bmc.ask("FAKEMETHOD", SYSTEM)
        assert (answer.status, answer.message) == (501, "OperationNotAllowed")
        login = {"Authorization": bmc.login}
        url = bmc.server.url + RESET
        async with bmc.http.post(url, data=b'{"ResetType": ', headers=login) as reply:
            assert reply.status == 400
            assert "MalformedJSON" in await reply.text()


async def test_expand_inlines_the_members(rack: Rack) -> None:
    """One request reads all memory modules, as the service root promises."""
    async with client(rack.servers[0]) as bmc:
        body = await bmc.get(f"{SYSTEM}/Memory?$expand=.($levels=1)")
        assert sum(module.get("CapacityMiB", 0) for module in body["Members"]) == 4 * 32768
        for how, inside, outside in ((".", False, True), ("~", True, False), ("*", True, True)):
            system = await bmc.get(f"{SYSTEM}?$expand={how}")
            assert ("Attributes" in system["Bios"]) is outside
            assert ("SerialNumber" in system["Links"]["Chassis"][0]) is inside


async def test_the_request_log_counts_and_keeps_no_password(rack: Rack) -> None:
    """Tests count resets by it, in memory and from the file; passwords are in neither."""
    server = rack.servers[0]
    password = server.password.reveal()
    async with client(server) as bmc:
        await bmc.ask("POST", SESSIONS, {"UserName": "admin", "Password": password}, anonymous=True)
        await bmc.reset("On")
        await bmc.ask("POST", f"{CD}/Actions/VirtualMedia.InsertMedia", {"Password": password})
    assert server.count("POST", "ComputerSystem.Reset") == 1
    assert server.requests[1].body == {"ResetType": "On"}
    written = rack.request_log.read_text()
    assert written.count("ComputerSystem.Reset") == 1
    assert password not in written
    assert '"Password": "***"' in written


async def test_a_large_rack_starts_and_ends_quickly() -> None:
    """Two hundred BMCs live in one process, each with a port and a certificate of its own."""
    async with running(standard_mix(200), scale=0) as rack:
        assert len({server.url for server in rack.servers}) == 200
        for server in (rack.servers[0], rack.servers[-1]):
            async with client(server) as bmc:
                assert (await bmc.get(SYSTEM))["SerialNumber"] == server.spec.serial
    assert not rack.directory.exists()
