"""What can go wrong between us and a BMC, beyond the errors every room knows."""

from __future__ import annotations

from collections.abc import Sequence

from provision.core.errors import (
    ConfigError,
    CredentialsError,
    Exit,
    IdentityError,
    ProvisionError,
    Refused,
    Unreachable,
)


class PasswordChangeRequired(CredentialsError):
    """The BMC accepts nothing before its factory password has been changed."""

    code = "password-change-required"
    remedy = "Change the password in the BMC's own page or tool, then try again."


class IdentityChanged(IdentityError):
    """The BMC shows another certificate than the one pinned for its address."""

    code = "tls-changed"
    remedy = (
        "Find out why it changed (new board, reset, or somebody in between) before you remove "
        "the old pin from the file named above."
    )


class BmcError(ProvisionError):
    """The BMC answered with an error."""

    code = "bmc-error"
    status = Exit.ALL_FAILED
    remedy = "Read the BMC's own message above; its web page or log may say more."


class NotSupported(BmcError):
    """The BMC has no such function."""

    code = "not-supported"
    remedy = "Update the BMC's firmware, check its licence, or do this step by hand."


class BadReply(BmcError):
    """The BMC's answer breaks the rules: too large, not JSON, or not what was asked for."""

    code = "bad-reply"
    remedy = "Reset the BMC, update its firmware, and check that the address is a BMC at all."


class NotApplied(BmcError):
    """The BMC said yes, and the state read back says no."""

    code = "not-applied"
    remedy = "Try again; some BMCs need the server off, or a newer firmware, for this."


class Busy(Unreachable):
    """The BMC answers, but only that it has no time (HTTP 503 or 429)."""

    code = "bmc-busy"
    remedy = (
        "Wait a few minutes and try again (a BMC that restarts needs that long); close other "
        "sessions on it."
    )
    #: Seconds the BMC asks to be left alone, where it says.
    retry_after: float | None = None


class SessionsFull(Busy):
    """The BMC has no place for another session."""

    code = "sessions-full"
    remedy = (
        "Sessions of programs that were killed end by themselves after the BMC's session timeout "
        "(often 5 to 30 minutes). To end them at once, use the list of sessions in the BMC's own "
        "page, or restart the BMC."
    )


class SessionEnded(Unreachable):
    """The BMC had ended our session and refused a request for it; nothing was done."""

    code = "session-ended"
    remedy = "Try again: the request was refused unread, and a new session is open."


class LicenceNeeded(NotSupported):
    """The BMC would do it with another licence."""

    code = "licence-needed"
    remedy = (
        "Install the licence the BMC's message names (often sold as Enterprise, Advanced or "
        "out-of-band management), or do this step by hand."
    )


class SeveralSystems(Refused):
    """The BMC serves several computer systems, and none was named; ``systems`` are addresses."""

    code = "several-systems"

    def __init__(self, message: str, *, systems: Sequence[str] = ()) -> None:
        hint = f"Name one by its address: {systems[0]}" if systems else None
        super().__init__(message, hint=hint)
        self.systems = tuple(systems)


class ClearText(Refused):
    """The address would send the password unencrypted."""

    code = "clear-text"
    remedy = "Use https://, and --tls pin if the BMC's certificate is self-signed."


class Forbidden(CredentialsError):
    """We are logged in, and this user may not do this (HTTP 403)."""

    code = "forbidden"
    remedy = "Give this user more rights on the BMC, or use another one; check the BMC's licence."


class RecordingUnknown(ConfigError):
    """The file or directory is no recording of Redfish, or tells of no computer system."""

    code = "recording-unknown"


class RecordingDamaged(ConfigError):
    """A recording cannot be read: cut short, too large, or not what it claims to be."""

    code = "recording-damaged"
    remedy = "Record it again and copy it whole; a file cut short or edited cannot be judged."


#: What one resource may refuse without spoiling the rest: what it would have told is unknown.
UNTOLD = (BmcError, Busy, Forbidden)


class ServerIsOff(Refused):
    """The server is off; there is nothing to restart."""

    code = "server-is-off"
    remedy = "Power it on instead."
