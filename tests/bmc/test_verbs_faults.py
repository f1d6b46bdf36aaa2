"""One wish, at most one request that changes something: every verb, every fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from provision.bmc import (
    accounts,
    firmware_update,
    indicator,
    logs,
    secure_boot,
    tasks,
)
from provision.bmc.client import Access, Bmc, Tls, connect
from provision.bmc.firmware_plan import Wanted
from provision.core.errors import OutcomeUnknown, ProvisionError
from provision.core.secrets import Secret
from provision.sim import faults
from provision.sim.faults import Fault
from provision.sim.rack import SimServer

pytestmark = pytest.mark.campaign

NEW = Secret("n3w-Password-1")
Verb = Callable[[Bmc, Access, Path], Awaitable[Any]]

#: Verb -> what it does, and the request by which it changes something.
VERBS: dict[str, tuple[Verb, str, str]] = {
    "secureboot": (lambda bmc, _a, _f: secure_boot.switch(bmc, True), "PATCH", "SecureBoot"),
    "identify": (lambda bmc, _a, _f: indicator.shine(bmc, True), "PATCH", "Systems/1"),
    "logs": (lambda bmc, _a, _f: logs.clear(bmc), "POST", "ClearLog"),
    "update by URL": (
        lambda bmc, _a, _f: firmware_update.update(bmc, Wanted(url="http://127.0.0.1:9/x")),
        "POST",
        "SimpleUpdate",
    ),
    "update by file": (
        lambda bmc, _a, file: firmware_update.update(bmc, Wanted(file=file)),
        "POST",
        "UpdateService/upload",
    ),
    "accounts": (
        lambda bmc, access, _f: accounts.rotate(bmc, access, "admin", NEW),
        "PATCH",
        "Accounts/1",
    ),
}
FAULTS: dict[str, Callable[[str, str], list[Fault]]] = {
    "none": lambda _method, _path: [],
    "drop": lambda method, path: [faults.drop(path, method=method)],
    "busy": lambda method, path: [faults.busy(path, method=method, retry_after=0)],
    "lie": lambda method, path: [faults.lie(path, method=method, times=1)],
    "conflict": lambda method, path: [faults.conflict(path, method=method)],
    "lie and drop": lambda method, path: [
        faults.lie(path, method=method, times=1),
        faults.drop(path, method=method),
    ],
}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    for module in (secure_boot, indicator, logs, firmware_update):
        monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(tasks, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(tasks, "_SHORTEST", 0.05)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_one_request(server: SimServer, verb: str, fault: str, tmp_path: Path) -> None:
    """Whatever happens to the request, it is not sent a second time; no session stays open."""
    work, method, path = VERBS[verb]
    file = tmp_path / "bios.bin"
    file.write_text("bareiron-firmware BIOS 2.0.0\n" + "x" * 100_000)
    access = Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
        timeout=5.0,
    )
    trouble: ProvisionError | None = None
    async with connect(access) as bmc:
        server.faults.add(*FAULTS[fault](method, path))
        try:
            await work(bmc, access, file)
        except ProvisionError as error:
            trouble = error
    assert server.count(method, path) == 1
    if fault in ("busy", "conflict"):
        assert trouble is not None
    if fault == "lie and drop" and verb != "accounts":
        assert isinstance(trouble, OutcomeUnknown)
    assert not server.bmc.access.sessions
