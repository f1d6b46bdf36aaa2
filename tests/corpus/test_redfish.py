"""Recorded Redfish trees, served over HTTPS by the script that lies beside them, and validated."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import hwprofiles
from provision.bmc.client import Access, Tls
from provision.core.secrets import Secret
from provision.flow.validate import Verdict
from tests.validating import validate_bmc

pytestmark = pytest.mark.campaign

Tree = dict[str, Any]
Serve = Callable[[Tree], Access]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """One CA for all trees; making keys takes time."""
    return trustme.CA()


@pytest.fixture
def serve(
    redfish: Path, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Serve a tree; return how to reach it."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("serve_tree", redfish / "serve_tree.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    leaf = authority.issue_cert("127.0.0.1")
    cert, key, ca = (tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    cert.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    ca.write_bytes(authority.cert_pem.bytes())
    servers = []

    def start(tree: Tree) -> Access:
        server = module.serve(tree, tls=(str(cert), str(key)))
        servers.append(server)
        return Access(
            url=f"https://127.0.0.1:{server.server_address[1]}",
            user="anybody",
            password=Secret("anything"),
            tls=Tls.CA,
            ca_file=ca,
        )

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def tree_of(redfish: Path, name: str) -> Tree:
    """Read a recorded tree."""
    tree: Tree = json.loads((redfish / f"{name}.json").read_text(encoding="utf-8"))
    return tree


def outcomes(verdict: Verdict) -> dict[str, str]:
    """Rule -> outcome."""
    return {finding.rule: str(finding.outcome) for finding in verdict.findings}


@pytest.mark.parametrize(
    ("name", "family", "model", "attribute", "gib"),
    [
        ("libredfish-dell", 6, 0x6A, "ProcVirtualization", 512),
        ("redfishctl-dell_xr8620t-tree", 6, 0x8F, "ProcVirtualization", 128),
        ("iloemu-DL360", 6, 0x6A, "ProcVirtualization", 192),
        ("iloemu-DL380a", 6, 0xCF, "ProcVirtualization", 512),
        ("libredfish-lenovo", 6, 0x6A, "Processors_IntelVirtualizationTechnology", 1024),
        ("libredfish-supermicro", 6, 0x8F, "IntelVirtualizationTechnology_3C6F", 2048),
        ("crayrie-Gigabyte", 0x17, 0x31, "Rome0565", None),  # its memory is a decimal mix-up
    ],
)
async def test_healthy_servers_pass(  # noqa: PLR0917 - one column of the table each
    redfish: Path,
    serve: Serve,
    name: str,
    family: int,
    model: int,
    attribute: str,
    gib: int | None,
) -> None:
    """Real machines with virtualization on: recognised, measured, and nothing fails."""
    verdict = await validate_bmc(serve(tree_of(redfish, name)), hwprofiles.load("xen-4.17"))
    told = {key: fact.value for key, fact in verdict.facts.items()}
    assert (told["cpu.family"], told["cpu.model"]) == (family, model)
    assert told["cpu.virt.attribute"] == attribute
    assert gib is None or told["memory.total"] == gib << 30
    found = outcomes(verdict)
    assert "fail" not in found.values()
    assert found["cpu.virt"] == "pass"
    assert found["cpu.slat"] == "pass"


async def test_lenovo_with_virtualization_off(redfish: Path, serve: Serve) -> None:
    """The finding names the vendor's own attribute, and the value that mends it."""
    tree = tree_of(redfish, "libredfish-lenovo")
    bios = next(
        body
        for body in tree.values()
        if "Processors_IntelVirtualizationTechnology" in (body.get("Attributes") or {})
    )
    bios["Attributes"]["Processors_IntelVirtualizationTechnology"] = "Disabled"
    verdict = await validate_bmc(serve(tree), hwprofiles.load("esxi-8.0"))
    assert outcomes(verdict)["cpu.virt"] == "fail"
    assert verdict.settings["cpu.virt"] == {"Processors_IntelVirtualizationTechnology": "Enabled"}


async def test_a_bmc_with_its_host_off_proves_nothing(redfish: Path, serve: Serve) -> None:
    """Stock OpenBMC, host off: 0 CPUs and 0 GiB are not told, so nothing fails, nor passes."""
    verdict = await validate_bmc(
        serve(tree_of(redfish, "crayrie-OpenBMC-stock")), hwprofiles.load("xen-4.17")
    )
    found = outcomes(verdict)
    assert "fail" not in found.values()
    assert found["cpu.virt"] == found["memory.size"] == "unknown"
    assert verdict.word == "UNKNOWN"
