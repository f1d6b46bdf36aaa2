"""Answers of a BMC: parsed once, within limits, and turned into our errors where they are one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn

from provision.bmc.errors import (
    BadReply,
    BmcError,
    Busy,
    Forbidden,
    LicenceNeeded,
    NotSupported,
    PasswordChangeRequired,
)
from provision.core.errors import Conflict, CredentialsError, ProvisionError
from provision.core.secrets import redact
from provision.core.text import clean

#: Values in one answer. Parsed, a value costs up to 20 times the bytes it is written with.
MOST_VALUES: Final = 250_000
#: Objects and lists within one another; the deepest seen has 14.
DEEPEST: Final = 64
#: Seconds we wait because a BMC asks us to; more is a BMC that will not be ready.
LONGEST_WAIT: Final = 30.0

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

    def without(self, token: str) -> Answer:
        """Return the answer without our session's token, should the BMC repeat it to us."""
        told = token.encode()
        if not told or told not in self.raw:
            return self
        return replace(self, raw=self.raw.replace(told, b"***"))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A successful answer."""

    status: int
    body: JsonObject = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    #: Bytes of the body as it was sent, unpacked.
    size: int = 0

    @property
    def etag(self) -> str:
        """The tag of this state of the resource, from the header or the body; or empty."""
        tag = self.headers.get("ETag") or self.body.get("@odata.etag")
        return tag if isinstance(tag, str) else ""


def parse(doing: object, raw: bytes) -> JsonObject:
    """Return the JSON object in ``raw`` (empty for none), or raise ``BadReply``."""
    if not raw.strip():
        return {}
    opening = raw.count(b"[") + raw.count(b"{")
    if raw.count(b",") + opening > MOST_VALUES:
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
    if opening > DEEPEST and _deeper(body, DEEPEST):
        raise BadReply(f"{doing}: the answer is nested too deep")
    return body


def _deeper(body: object, most: int) -> bool:
    """Whether lists and objects stand in one another more than ``most`` deep."""
    level: list[Any] = [body]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


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
    """Return the seconds a BMC asks us to wait, at most ``LONGEST_WAIT``; None if it does not say.

    A time of day counts by the BMC's own clock, which may be years off ours.
    """
    asked = headers.get("Retry-After", "")
    try:
        seconds = float(asked)
    except ValueError:
        then, now = _time(asked), _time(headers.get("Date", ""))
        if then is None or now is None:
            return None
        seconds = (then - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def error_for(doing: object, answer: Answer) -> ProvisionError:
    """Return our error for an answer whose status is not 2xx."""
    status, headers, body = answer.status, answer.headers, answer.content()
    if 300 <= status < 400:
        where = clean(headers.get("Location", "somewhere else"), 120)
        return BadReply(f"{doing}: it redirects to {where}, and redirects are not followed")
    ids = message_ids(body)
    text = f"{doing}: HTTP {status}" + (f", {words}" if (words := said(body)) else "")
    if "PasswordChangeRequired" in ids:
        return PasswordChangeRequired(text)
    if status in _LICENCED and any(_LICENCE.search(each) for each in [*ids, said(body)]):
        return LicenceNeeded(text)
    if "InsufficientPrivilege" in ids:
        return Forbidden(text)
    error = _BY_STATUS.get(status, BmcError)(text)
    if isinstance(error, Busy):
        error.retry_after = retry_after(headers)
    return error


#: Statuses by which a function that wants a licence is refused, and what the message then says.
_LICENCED: Final = frozenset({400, 402, 403, 405, 501})
_LICENCE: Final = re.compile(r"licen[cs]e", re.IGNORECASE)
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
