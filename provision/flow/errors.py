"""What can come of a story, beyond the errors every room knows."""

from __future__ import annotations

from provision.core.errors import OutcomeUnknown


class ValidationUnknown(OutcomeUnknown):
    """Nothing failed, but rules are open, and the caller wants none to be (``--strict``)."""

    code = "validation-unknown"
    remedy = (
        "Each open rule says how to learn what it lacks: with the server on, on the machine itself "
        "(--local), from a recording, or stated with --fact."
    )
