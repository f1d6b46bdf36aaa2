"""Validations written by hand, as ``provision validate --output json`` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwprofiles import Outcome

BIOS = "/redfish/v1/Systems/System.Embedded.1/Bios#/Attributes/ProcVirtualization"
AT = "2026-11-24T10:00:00+00:00"


def fact(value: Any, path: str = BIOS, source: str = "redfish", **more: Any) -> dict[str, Any]:
    """One fact."""
    return {
        "value": value,
        "source": source,
        "path": path,
        "at": AT,
        "power_state": "Off",
        **more,
    }


def finding(rule: str, outcome: str, **more: Any) -> dict[str, Any]:
    """One finding; by default an error rule of the hypervisor's with a remedy and a source."""
    return {
        "rule": rule,
        "title": f"Title of {rule}",
        "outcome": outcome,
        "severity": {"warn": "warning", "info": "info"}.get(outcome, "error"),
        "expected": "enabled",
        "found": "disabled",
        "evidence": {},
        "unknown": [],
        "fix": f"Mend {rule}.",
        "fix_redfish": {},
        "source": {"title": "Xen SUPPORT.md", "where": "https://xenbits.xen.org/docs/"},
        "confidence": "high",
        "origin": "xen-4.17.yaml:9",
        "profile": "xen-4.17",
        "waiver": None,
        "look": "",
        **more,
    }


VIRTUALIZATION = finding(
    "cpu.virt",
    "fail",
    title="Hardware virtualization is enabled",
    evidence={
        "cpu.virt.state": fact(
            "disabled",
            rivals=[fact("enabled", "/proc/cpuinfo", "procfs")],
        ),
        "cpu.virt.attribute": fact("ProcVirtualization"),
    },
    fix="Turn on virtualization: F2, Processor Settings, Virtualization Technology.",
    fix_redfish={"virtualization": "enabled"},
)
MEMORY = finding(
    "memory.size",
    "pass",
    title="1 GiB of memory",
    expected="at least 1 GiB (-10 %)",
    found="64 GiB",
    evidence={"memory.total": fact(64 << 30, "/redfish/v1/Systems/1#/MemorySummary")},
)
IOMMU = finding(
    "iommu",
    "unknown",
    title="IOMMU is enabled",
    found="not known",
    unknown=["iommu.state"],
)
LOOK = "on the machine itself: provision validate --local, as root; or state it: --fact cpu.nx=yes"
NX = finding("cpu.nx", "unknown", found="", unknown=["cpu.nx"], look=LOOK)
ENDURANCE = finding(
    "boot.endurance",
    "warn",
    expected="at least 128 TBW",
    found="",
    unknown=["boot.device.endurance", "storage.drives"],
    look="state it: --fact boot.device.endurance='128 TBW'",
)
BOOT = finding(
    "boot.media",
    "warn",
    title="Boot device is not USB or SD alone",
    expected="any of: boot.device.bus not usb or sd; storage.largest at least 128 GB",
    found="boot.device.bus sd, storage.largest not known",
    evidence={"boot.device.bus": fact("sd", "/redfish/v1/Systems/1/SimpleStorage/1#/Devices/0")},
    confidence="low",
)
TPM = finding("tpm", "info", title="TPM 2.0", expected="at least 2.0", found="1.2")
DIMMS = finding(
    "memory.population",
    "waived",
    title="Modules sit in the right slots",
    profile="dell-r805",
    expected="slots filled as the manual says",
    found="CPU2: B1 filled before B2",
    waiver={"reason": "spare part under way", "by": "A. Miller", "until": "2027-01-31"},
)
SOCKETS = finding("cpu.sockets", "skip", title="At most 2 sockets")
FINDINGS = (VIRTUALIZATION, BOOT, IOMMU, TPM, DIMMS, SOCKETS, MEMORY)

FACTS: Mapping[str, Any] = {
    "system.vendor": fact("Dell Inc.", "/redfish/v1/Systems/1#/Manufacturer"),
    "system.model": fact("PowerEdge R805", "/redfish/v1/Systems/1#/Model"),
    "system.serial": fact("8XJ0188", "/redfish/v1/Systems/1#/SerialNumber"),
    "firmware.version": fact("4.2.1", "/redfish/v1/Systems/1#/BiosVersion"),
    "cpu.family": fact(16, "/redfish/v1/Systems/1/Processors/CPU1#/ProcessorId"),
    "cpu.flags": fact([f"flag{n}" for n in range(60)], "/proc/cpuinfo", "procfs"),
    "cpu.virt.state": VIRTUALIZATION["evidence"]["cpu.virt.state"],
    "memory.total": fact(64 << 30, "/redfish/v1/Systems/1#/MemorySummary"),
    "memory.dimms": fact(
        [
            {
                "slot": "A1",
                "size": 4 << 30,
                "rank": 2,
                "speed": 667,
                "type": "DDR2",
                "serial": "D1",
            },
            {"slot": "A2", "size": 0},
        ],
        "/redfish/v1/Systems/1/Memory",
    ),
}


def verdict(
    *findings: Mapping[str, Any], target: str = "https://10.0.0.7", **more: Any
) -> dict[str, Any]:
    """One machine's validation; the verdict and the counts are those of its findings."""
    outcomes = [each["outcome"] for each in findings]
    suits = any((each["outcome"], each["profile"]) == ("pass", "xen-4.17") for each in findings)
    word = "PASS" if suits and "unknown" not in outcomes else "UNKNOWN"
    return {
        "schema": "bareiron.validation/1",
        "target": target,
        "profile": {
            "id": "xen-4.17",
            "title": "Xen 4.17",
            "verified": "2026-11-24",
            "params": {"memory_min": "1 GiB"},
        },
        "server": {"id": "dell-r805", "title": "Dell PowerEdge R805", "verified": "2026-11-24"},
        "tool": "bareiron 0.1.0",
        "at": AT,
        "tls": {"address": "10.0.0.7", "how": "pin", "sha256": "AB:CD"},
        "verdict": "FAIL" if "fail" in outcomes else word,
        "passed": word == "PASS" and "fail" not in outcomes,
        "counts": {str(outcome): outcomes.count(outcome) for outcome in Outcome},
        "findings": [dict(each) for each in findings],
        "settings": {"cpu.virt": {"ProcVirtualization": "Enabled"}},
        "facts": dict(FACTS),
        **more,
    }


def unread(target: str = "https://10.0.0.9") -> dict[str, Any]:
    """A machine that did not answer."""
    return {
        "schema": "bareiron.validation/1",
        "target": target,
        "verdict": "ERROR",
        "error": {
            "code": "unreachable",
            "message": f"connecting to {target}: no answer within 30 s",
            "hint": "Check the address, the cable of the BMC and the power.",
            "exit_status": 10,
        },
    }


def named(host: str, serial: str, *findings: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A machine with a name and a serial number of its own."""
    facts = {**FACTS, "system.serial": fact(serial)}
    return verdict(*findings, target=host, facts=facts, **more)


def recordings(count: int = 6, *findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Recorded machines, each by a long path of its own."""
    paths = (f"/srv/recorded/racks/Maker {n % 2}/Model of a server/{n:012X}" for n in range(count))
    return [named(path, "", *(findings or (NX, ENDURANCE, MEMORY))) for path in paths]


def rack(count: int = 40) -> list[dict[str, Any]]:
    """A rack: most suit, some fail for one cause or two, some cannot be read or judged."""
    machines: list[dict[str, Any]] = []
    for u in range(1, count + 1):
        host, serial = f"r12-u{u:02}", f"8XJ{u:04}"
        if u % 19 == 7:
            machines.append(unread(f"https://{host}"))
        elif u % 4 == 3:
            machines.append(named(host, serial, VIRTUALIZATION, BOOT, MEMORY))
        elif u % 9 == 5:
            machines.append(named(host, serial, IOMMU, BOOT, MEMORY))
        else:
            machines.append(named(host, serial, DIMMS, MEMORY))
    return machines
