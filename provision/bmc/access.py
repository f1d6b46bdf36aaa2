"""How to reach a BMC, as a user says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provision.bmc.trust import Tls
from provision.core.secrets import Secret


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach one BMC. ``timeout`` bounds one request, ``deadline`` all of them together."""

    url: str
    user: str = ""
    password: Secret | None = None
    tls: Tls = Tls.AUTO
    ca_file: Path | None = None
    timeout: float = 30.0
    deadline: float | None = None
    #: Whether to go through the proxy that the environment names, which is ignored otherwise.
    proxy_from_env: bool = False
    #: Whether a login to an account whose password has to be changed first will do.
    to_change_password: bool = False

    def revealed(self) -> str:
        """Return the password itself, for the one request that carries it."""
        return self.password.reveal() if self.password else ""
