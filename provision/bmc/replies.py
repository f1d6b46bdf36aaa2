"""Answers of a BMC: parsed once, within limits, and turned into our errors where they are one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from provision.bmc.errors import (
    BadReply,
    BmcError,
    Busy,
    Forbidden,
    NotSupported,
    PasswordChangeRequired,
)
from provision.core.errors import Conflict, CredentialsError, ProvisionError
from provision.core.secrets import redact
from provision.core.text import clean

#: Values in one answer. Parsed, a value costs up to 20 times the bytes it is written with.
MOST_VALUES = 500_000
_LONGEST_WAIT = 10.0

JsonObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, not yet judged."""

    status: int
    raw: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    #: The login the request was sent with, to tell an expired one from a newer one.
    login: object = field(repr=False)

    def content(self) -> JsonObject:
        """Return the body, or an empty one: for answers whose status says all that counts."""
        try:
            return parse("reading an answer", self.raw)
        except BadReply:
            return {}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A successful answer."""

    status: int
    body: JsonObject = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def etag(self) -> str:
        """The tag of this state of the resource, from the header or the body; or empty."""
        tag = self.headers.get("ETag") or self.body.get("@odata.etag")
        return tag if isinstance(tag, str) else ""


def parse(doing: str, raw: bytes) -> JsonObject:
    """Return the JSON object in ``raw`` (empty for none), or raise ``BadReply``."""
    if not raw.strip():
        return {}
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_VALUES:
        raise BadReply(f"{doing}: the answer holds more values than any BMC has to tell")
    try:
        body = _DECODER.decode(raw.decode("utf-8", "replace"))
    except RecursionError as error:
        raise BadReply(f"{doing}: the answer is nested too deep") from error
    except ValueError as error:
        start = clean(redact(raw[:4096].decode("utf-8", "replace")), 60)
        raise BadReply(f"{doing}: the answer is not JSON (it begins {start!r})") from error
    if not isinstance(body, dict):
        raise BadReply(f"{doing}: the answer is not a JSON object")
    return body


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def messages(body: Mapping[str, Any]) -> list[JsonObject]:
    """Return the extended messages of an answer, wherever the BMC put them."""
    error = body.get("error")
    found: list[JsonObject] = []
    for place in (error, body):
        info = place.get("@Message.ExtendedInfo") if isinstance(place, dict) else None
        info = [info] if isinstance(info, dict) else info
        if isinstance(info, list):
            found += [message for message in info[:20] if isinstance(message, dict)]
    if not found and isinstance(error, dict):
        found.append({"MessageId": error.get("code"), "Message": error.get("message")})
    return found


def message_ids(body: Mapping[str, Any]) -> list[str]:
    """Return the bare names of the messages: ``PasswordChangeRequired`` and the like."""
    return [str(message.get("MessageId") or "").rpartition(".")[2] for message in messages(body)]


def said(body: Mapping[str, Any]) -> str:
    """Return the BMC's own words, made safe to print; names of messages only for want of words."""
    error = body.get("error")
    whole = error.get("message") if isinstance(error, dict) else None
    found = messages(body)
    for candidates in (
        [message.get("Message") for message in found],
        [whole],
        [message.get("MessageId") for message in found],
    ):
        # A sentence: also short secrets go, and before it is cut.
        words = [clean(redact(each[:4096]), 200) for each in candidates if isinstance(each, str)]
        if told := " / ".join(dict.fromkeys(word for word in words if word)):
            return clean(told, 600)
    return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a BMC asks us to wait, at most ten; None if it does not say."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None


def error_for(doing: str, answer: Answer) -> ProvisionError:
    """Return our error for an answer whose status is not 2xx."""
    status, headers, body = answer.status, answer.headers, answer.content()
    if 300 <= status < 400:
        where = clean(headers.get("Location", "somewhere else"), 120)
        return BadReply(f"{doing}: it redirects to {where}, and redirects are not followed")
    ids = message_ids(body)
    text = f"{doing}: HTTP {status}" + (f", {words}" if (words := said(body)) else "")
    if "PasswordChangeRequired" in ids:
        return PasswordChangeRequired(text)
    if "InsufficientPrivilege" in ids:
        return Forbidden(text)
    error = _BY_STATUS.get(status, BmcError)(text)
    if isinstance(error, Busy):
        error.retry_after = retry_after(headers)
    return error


_BY_STATUS: Mapping[int, type[ProvisionError]] = {
    401: CredentialsError,
    403: Forbidden,
    404: NotSupported,
    405: NotSupported,
    501: NotSupported,
    409: Conflict,
    412: Conflict,
    423: Conflict,
    428: Conflict,
    429: Busy,
    503: Busy,
}
