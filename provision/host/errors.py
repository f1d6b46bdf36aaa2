"""What can be wrong with a recorded machine: a file nobody knows, and one that is damaged."""

from __future__ import annotations

from provision.core.errors import ConfigError


class DumpUnknown(ConfigError):
    """The file is none of the recordings we can read."""

    code = "dump-unknown"


class DumpDamaged(ConfigError):
    """The file is a recording of a known kind, and what it must hold is not in it."""

    code = "dump-damaged"
    remedy = "Record it again and copy it whole; a file cut short or edited cannot be judged."
