"""Findings and validations as JSON: the versioned form that all other reports start from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hwprofiles import Finding, Outcome
from provision.core.errors import ConfigError
from provision.core.secrets import redact

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


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return validations as ``bareiron.validation/1``: one as an object, several as a list."""
    document = verdicts[0] if len(verdicts) == 1 else list(verdicts)
    text = redact(json.dumps(document, indent=2, ensure_ascii=False), data=True)
    # A name that is no UTF-8 holds lone surrogates; escaped, they are still JSON.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def load(content: bytes, name: str) -> list[dict[str, Any]]:
    """Return the validations saved in the file ``name``; ``ConfigError`` where it holds none.

    Taken are an object, a list of them, and JSON Lines.
    """
    try:
        text = content.decode("utf-8-sig")
        try:
            document = json.loads(text)
        except ValueError:
            document = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"reading {name}: this is no JSON",
            hint="Give what `provision validate --output json` prints, or its report as .json.",
        ) from error
    documents = document if isinstance(document, list) else [document]
    if not documents or not all(isinstance(each, dict) for each in documents):
        raise ConfigError(
            f"reading {name}: there is no validation in it",
            hint="Give what `provision validate --output json` prints, or its report as .json.",
        )
    return documents
