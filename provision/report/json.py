"""Findings as JSON: the versioned form that other reports and programs start from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hwprofiles import Finding, Outcome

SCHEMA: Final = "bareiron.findings/1"


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many findings have each outcome, worst outcome first, zeros included."""
    outcomes = [finding.outcome for finding in findings]
    return {str(outcome): outcomes.count(outcome) for outcome in Outcome}


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    """Return findings, worst first, as ``bareiron.findings/1``."""
    return {
        "schema": SCHEMA,
        "counts": counts(found),
        "findings": [finding.as_dict() for finding in found],
    }
