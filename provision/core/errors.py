"""The tree of errors.

Every error a user can meet is a class here, so that its code, its exit status and its remedy are
stable and can be listed. A message says what was being done and what stood in the way; the hint
says what to do with one's hands.

    ProvisionError                      1
    ├── ValidationFailed                3    the hardware does not suit the profile
    ├── Refused                         6    a safety rule said no
    ├── CredentialsError                7    who we are, or what we may do
    ├── IdentityError                   8    who the BMC is (TLS)
    ├── ImageError                      9    the image is not what it should be
    ├── Unreachable                    10    nobody answers, or not in time
    ├── Conflict                       11    somebody else is at work there
    ├── ConfigError                    13    a file of ours (inventory, profile, settings) is wrong
    └── OutcomeUnknown                 14    a request was sent and nobody knows what came of it
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit statuses of the command, documented in docs/exit-status.md."""

    OK = 0
    BUG = 1
    USAGE = 2
    VALIDATION_FAILED = 3
    SOME_FAILED = 4
    ALL_FAILED = 5
    REFUSED = 6
    CREDENTIALS = 7
    IDENTITY = 8
    IMAGE = 9
    UNREACHABLE = 10
    CONFLICT = 11
    STALE = 12
    CONFIG = 13
    UNKNOWN = 14
    CHANGES = 20
    INTERRUPTED = 130
    TERMINATED = 143


#: When several statuses apply, the first of these wins.
PRECEDENCE = (6, 8, 9, 7, 13, 12, 11, 10, 14, 5, 4, 3)


def worst(statuses: list[int]) -> int:
    """Return the one exit status that speaks for several, by ``PRECEDENCE``; 0 for none."""
    for status in PRECEDENCE:
        if status in statuses:
            return status
    return next((status for status in statuses if status), 0)


class ProvisionError(Exception):
    """What a user can be told: a message, a hint, a stable code and an exit status."""

    code: ClassVar[str] = "error"
    status: ClassVar[Exit] = Exit.BUG
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = self.remedy if hint is None else hint

    def as_dict(self) -> dict[str, str | int]:
        """Return the error as records and ``--output json`` print it."""
        return {
            "code": self.code,
            "message": str(self),
            "hint": self.hint,
            "exit_status": int(self.status),
        }


class ValidationFailed(ProvisionError):
    """The hardware does not meet the profile."""

    code = "validation-failed"
    status = Exit.VALIDATION_FAILED
    remedy = "Mend what the findings name, or choose another profile, then validate again."


class MissingTool(ProvisionError):
    """A program or package that this job needs is not installed."""

    code = "missing-tool"
    remedy = "Install the named packages and try again."


class InternalFault(ProvisionError):
    """Something went wrong that no other error describes; a report is welcome."""

    code = "internal-fault"
    remedy = "This is a bug: run again with -vv and report what it prints."


class Refused(ProvisionError):
    """A safety rule said no; nothing was changed."""

    code = "refused"
    status = Exit.REFUSED


class NotConfirmed(Refused):
    """The question was not answered with yes."""

    code = "not-confirmed"
    remedy = "Answer the question, or pass --yes where no terminal is there."


class PowerRefused(Refused):
    """The server is on, and nothing allows us to interrupt what it runs."""

    code = "server-is-on"
    remedy = "Power it off first, or allow the restart explicitly."


class CredentialsError(ProvisionError):
    """The BMC refused our user name, password or privilege; or none was given."""

    code = "credentials"
    status = Exit.CREDENTIALS
    remedy = "Check --user and --password-file; too many tries may lock the account."


class PermissionMissing(CredentialsError):
    """This machine does not let us do it (usually: not root)."""

    code = "permission"
    remedy = "Run as root (sudo), or give your user access to the device."


class IdentityError(ProvisionError):
    """The BMC's certificate cannot be trusted."""

    code = "tls-untrusted"
    status = Exit.IDENTITY
    remedy = "Give its CA with --ca-file, or pin it with --tls pin after comparing the fingerprint."


class ImageError(ProvisionError):
    """The image is missing, damaged, or not what its digest says."""

    code = "image"
    status = Exit.IMAGE


class Unreachable(ProvisionError):
    """Nobody answers at the BMC's address, or not in time."""

    code = "unreachable"
    status = Exit.UNREACHABLE
    remedy = "Check the address, the BMC's network cable and that this machine has a route to it."


class Timeout(Unreachable):
    """Something that should have happened by now has not."""

    code = "timeout"


class Conflict(ProvisionError):
    """Somebody else is at work there: another run, or a job of the BMC."""

    code = "conflict"
    status = Exit.CONFLICT
    remedy = "Wait for the other job, or stop it, then try again."


class OutcomeUnknown(ProvisionError):
    """A request was sent, no answer came, and the state read back does not tell."""

    code = "outcome-unknown"
    status = Exit.UNKNOWN
    remedy = "Look at the server; the request will not be sent a second time by itself."


class ConfigError(ProvisionError):
    """A file or setting of ours is wrong: inventory, profile, password file."""

    code = "config"
    status = Exit.CONFIG


class EvidenceMissing(ProvisionError):
    """The server was started, and no sign of the hypervisor was seen in time."""

    code = "no-evidence"
    status = Exit.ALL_FAILED
    remedy = "Look at the server's console; check the boot order and that the stick is in place."
