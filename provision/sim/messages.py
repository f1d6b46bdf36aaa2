"""Answers of a Redfish service: bodies, and errors with message ids of DMTF's Base registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: A JSON object.
Json = dict[str, object]

REGISTRY: Final = "Base.1.19"

#: Message -> (HTTP status, text with %1 …, severity, resolution), as in DMTF's registry.
_BASE: Final[Mapping[str, tuple[int, str, str, str]]] = {
    "Success": (200, "The request completed successfully.", "OK", "None."),
    "MalformedJSON": (
        400,
        "The request body submitted was malformed JSON and could not be parsed by the receiving "
        "service.",
        "Critical",
        "Ensure that the request body is valid JSON and resubmit the request.",
    ),
    "UnrecognizedRequestBody": (
        400,
        "The service detected a malformed request body that it was unable to interpret.",
        "Warning",
        "Correct the request body and resubmit the request if it failed.",
    ),
    "EmptyJSON": (
        400,
        "The request body submitted contained an empty JSON object and the service is unable to "
        "process it.",
        "Warning",
        "Add properties in the JSON object and resubmit the request.",
    ),
    "PropertyUnknown": (
        400,
        "The property '%1' is not in the list of valid properties for the resource.",
        "Warning",
        "Remove the unknown property from the request body and resubmit the request if the "
        "operation failed.",
    ),
    "PropertyNotWritable": (
        400,
        "The property '%1' is a read-only property and cannot be assigned a value.",
        "Warning",
        "Remove the property from the request body and resubmit the request if the operation "
        "failed.",
    ),
    "PropertyMissing": (
        400,
        "The property '%1' is a required property and must be included in the request.",
        "Warning",
        "Ensure that the property is in the request body and has a valid value and resubmit the "
        "request if the operation failed.",
    ),
    "PropertyValueTypeError": (
        400,
        "The value '%1' for the property '%2' is not a type that the property can accept.",
        "Warning",
        "Correct the value for the property in the request body and resubmit the request if the "
        "operation failed.",
    ),
    "PropertyValueNotInList": (
        400,
        "The value '%1' for the property '%2' is not in the list of acceptable values.",
        "Warning",
        "Choose a value from the enumeration list that the implementation can support and "
        "resubmit the request if the operation failed.",
    ),
    "PropertyValueConflict": (
        400,
        "The property '%1' could not be written because its value would conflict with the value "
        "of the '%2' property.",
        "Warning",
        "No resolution is required.",
    ),
    "ActionParameterMissing": (
        400,
        "The action '%1' requires the parameter '%2' to be present in the request body.",
        "Critical",
        "Supply the action with the required parameter in the request body when the request is "
        "resubmitted.",
    ),
    "ActionParameterUnknown": (
        400,
        "The action '%1' was submitted with the invalid parameter '%2'.",
        "Warning",
        "Correct the invalid parameter and resubmit the request if the operation failed.",
    ),
    "ActionParameterNotSupported": (
        400,
        "The parameter '%1' for the action '%2' is not supported on the target resource.",
        "Warning",
        "Remove the parameter supplied and resubmit the request if the operation failed.",
    ),
    "ActionParameterValueTypeError": (
        400,
        "The value '%1' for the parameter '%2' in the action '%3' is not a type that the "
        "parameter can accept.",
        "Warning",
        "Correct the value for the parameter in the request body and resubmit the request if the "
        "operation failed.",
    ),
    "ActionParameterValueNotInList": (
        400,
        "The value '%1' for the parameter '%2' in the action '%3' is not in the list of "
        "acceptable values.",
        "Warning",
        "Choose a value from the enumeration list that the implementation can support and "
        "resubmit the request if the operation failed.",
    ),
    "ActionParameterValueFormatError": (
        400,
        "The value '%1' for the parameter '%2' in the action '%3' is not a format that the "
        "parameter can accept.",
        "Warning",
        "Correct the value for the parameter in the request body and resubmit the request if the "
        "operation failed.",
    ),
    "ActionParameterValueConflict": (
        409,
        "The parameter '%1' with the requested value of '%2' does not meet the constraints of the "
        "implementation.",
        "Warning",
        "No resolution is required.",
    ),
    "ResourceMissingAtURI": (
        404,
        "The resource at the URI '%1' was not found.",
        "Critical",
        "Place a valid resource at the URI or correct the URI and resubmit the request.",
    ),
    "OperationNotAllowed": (
        405,
        "The HTTP method is not allowed on this resource.",
        "Critical",
        "None.",
    ),
    "ResourceInUse": (
        409,
        "The change to the requested resource failed because the resource is in use or in "
        "transition.",
        "Warning",
        "Remove the condition and resubmit the request if the operation failed.",
    ),
    "CouldNotEstablishConnection": (
        400,
        "The service failed to establish a connection with the URI '%1'.",
        "Critical",
        "Ensure that the URI contains a valid and reachable node name, protocol information and "
        "other URI components.",
    ),
    "PreconditionFailed": (
        412,
        "The ETag supplied did not match the ETag required to change this resource.",
        "Critical",
        "Try the operation again using the appropriate ETag.",
    ),
    "QueryNotSupported": (
        501,
        "Querying is not supported by the implementation.",
        "Warning",
        "Remove the query parameters and resubmit the request if the operation failed.",
    ),
    "NoValidSession": (
        401,
        "There is no valid session established with the implementation.",
        "Critical",
        "Establish a session before attempting any operations.",
    ),
    "InsufficientPrivilege": (
        403,
        "There are insufficient privileges for the account or credentials associated with the "
        "current session to perform the requested operation.",
        "Critical",
        "Either abandon the operation or change the associated access rights and resubmit the "
        "request if the operation failed.",
    ),
    "ResourceAlreadyExists": (
        400,
        "The requested resource of type %1 with the property '%2' with the value '%3' already "
        "exists.",
        "Critical",
        "Do not repeat the create operation as the resource has already been created.",
    ),
    "CreateLimitReachedForResource": (
        400,
        "The create operation failed because the resource has reached the limit of possible "
        "resources.",
        "Critical",
        "Either delete resources and resubmit the request if the operation failed or do not "
        "resubmit the request.",
    ),
    "ResourceCannotBeDeleted": (
        405,
        "The delete request failed because the resource requested cannot be deleted.",
        "Critical",
        "Do not attempt to delete a non-deletable resource.",
    ),
    "PropertyValueFormatError": (
        400,
        "The value '%1' for the property '%2' is not a format that the property can accept.",
        "Warning",
        "Correct the value for the property in the request body and resubmit the request if the "
        "operation failed.",
    ),
    "SessionLimitExceeded": (
        503,
        "The session establishment failed due to the number of simultaneous sessions exceeding "
        "the limit of the implementation.",
        "Critical",
        "Reduce the number of other sessions before trying to establish the session or increase "
        "the limit of simultaneous sessions, if supported.",
    ),
    "ServiceTemporarilyUnavailable": (
        503,
        "The service is temporarily unavailable.  Retry in %1 seconds.",
        "Critical",
        "Wait for the indicated retry duration and retry the operation.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back to the client; ``body`` None means no content."""

    status: int = 200
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):
    """A request refused with a message of the Base registry; ``related`` names the properties."""

    def __init__(
        self,
        message: str,
        *args: object,
        related: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.arguments, self.related = message, args, related
        self.headers = headers or {}

    def reply(self) -> Reply:
        """Return the error as the service answers it."""
        info = extended(self.message, *self.arguments)
        if self.related:
            info["RelatedProperties"] = list(self.related)
        error: Json = {
            "code": info["MessageId"],
            "message": info["Message"],
            "@Message.ExtendedInfo": [info],
        }
        status = _BASE[self.message][0]
        return Reply(status=status, body={"error": error}, headers=self.headers)


def extended(message: str, *args: object) -> Json:
    """Return one entry of ``@Message.ExtendedInfo``."""
    _, text, severity, resolution = _BASE[message]
    words = [str(arg) for arg in args]
    for number, word in enumerate(words, 1):
        text = text.replace(f"%{number}", word)
    return {
        "@odata.type": "#Message.v1_2_1.Message",
        "MessageId": f"{REGISTRY}.{message}",
        "Message": text,
        "MessageArgs": words,
        "Severity": severity,
        "MessageSeverity": severity,
        "Resolution": resolution,
    }
