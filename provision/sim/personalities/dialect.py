"""The manners of a personality: its URIs, its ETags, its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provision.sim.bmc import Bmc
from provision.sim.manners import Exchange, Manners
from provision.sim.messages import Json, Problem, Reply
from provision.sim.personalities import refusals
from provision.sim.personalities.model import Personality
from provision.sim.personalities.spelling import Speller
from provision.sim.tree import Tree, etag


class Dialect(Manners):
    """What a personality does at each point of a request."""

    def __init__(self, bmc: Bmc, personality: Personality, *, licensed: bool) -> None:
        self.bmc, self.personality, self.licensed = bmc, personality, licensed
        places = {
            f"Systems/1/{uri}": place
            for uri, place in (
                ("Bios/Settings", personality.bios.place if personality.bios else ""),
                ("Settings", personality.boot.place),
            )
            if place and place != "Settings"
        }
        names = personality.spelling.names | places
        spelling = personality.spelling.model_copy(update={"names": names})
        self.speller = Speller(spelling)
        self.others: list[Bmc] = []

    def inward(self, path: str) -> str:
        """Return the standard's spelling of a URI that a client asks for."""
        return self.speller.inward(path)

    def outward(self, reply: Reply) -> Reply:
        """Return an answer in the BMC's own spelling."""
        headers = dict(reply.headers)
        if "Location" in headers:
            headers["Location"] = self.speller.outward(headers["Location"])
        body = reply.body
        if body is not None and "" not in body:
            spelt = self.speller.respelt(body)
            body = spelt if isinstance(spelt, dict) else body
            if self.personality.extended_info == "dict" and isinstance(body.get("error"), dict):
                body = {"error": _single(body["error"])}
        return replace(reply, body=body, headers=headers)

    def admit(self, exchange: Exchange) -> None:
        """Refuse what this BMC takes in no case."""
        refusals.judge(self.personality.refuses, exchange, self.bmc.machine, licensed=self.licensed)

    def tag(self, body: Json, headers: Mapping[str, str]) -> str:
        """Return the ETag header in the personality's style."""
        tags, plain = self.personality.tags, etag(body)
        if tags.gzip and "gzip" in headers.get("Accept-Encoding", ""):
            plain = f'{plain[:-1]}-gzip"'
        return f'"{plain}"' if tags.style == "double" else self._styled(plain)

    def body_tag(self, body: Json) -> str:
        """Return what ``@odata.etag`` says, which is never quoted twice."""
        return self._styled(etag(body))

    def _styled(self, plain: str) -> str:
        style = self.personality.tags.style
        return {"weak": f"W/{plain}", "none": ""}.get(style, plain)

    def match(self, body: Json, wanted: str) -> None:
        """Refuse a change whose If-Match is for something else, or spelt unlike what is wanted."""
        tags = self.personality.tags
        right = [etag(body)] if tags.refuses_own else [etag(body), self._styled(etag(body))]
        if tags.style != "none" and wanted not in ("*", *right):
            raise Problem("PreconditionFailed")

    def expand(self, tree: Tree, body: Json, query: Mapping[str, str]) -> Json:
        """Return ``body`` as the query wants it, or as this BMC thinks fit."""
        ignored = self.personality.expand == "ignored"
        return body if ignored else super().expand(tree, body, query)

    async def close(self) -> None:
        """Stop the other machines of this BMC."""
        for other in self.others:
            await other.machine.close()


def _single(error: object) -> object:
    """Return an error whose extended information is one object instead of a list."""
    if not isinstance(error, dict):
        return error
    found = error.get("@Message.ExtendedInfo")
    first = found[0] if isinstance(found, list) and found else found
    return error | {"@Message.ExtendedInfo": first}
