"""What can come of a story, beyond the errors every room knows."""

from __future__ import annotations

from provision.core.errors import OutcomeUnknown


class ValidationUnknown(OutcomeUnknown):
    """Nothing failed, but rules are open, and the caller wants none to be (``--strict``)."""

    code = "validation-unknown"
    remedy = (
        "Validate again with the server on, or in band with --local: what a BMC does not tell, "
        "the machine may."
    )
