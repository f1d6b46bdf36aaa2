"""``provision sim up``: personalities, recorded trees and faults from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from provision.cli.sim import command
from provision.sim import personalities
from tests.cli.test_sim import root_of, up


def test_the_list_names_all_of_them() -> None:
    """Each with what it stands for; nothing is started."""
    result = CliRunner().invoke(command, ["up", "--list-personalities"])
    assert result.exit_code == 0
    listed = [line.split("  ", 1)[0] for line in result.output.splitlines()]
    assert listed == ["standard", *personalities.names()]


def test_a_mixed_rack_with_a_fault(tmp_path: Path) -> None:
    """In the order they were asked for, each as often as it says; a recorded one comes last."""
    tree = tmp_path / "tree.json"
    tree.write_text(json.dumps({"/redfish/v1": {"Vendor": "Recorded"}}), encoding="utf-8")
    options = ["--personality", "dell-idrac9:2", "--personality", "standard", "--tree", str(tree)]
    with up(*options, "--fault", "r1u03@absurd=null") as (_, rack):
        vendors = [root_of(each["url"], rack["ca_file"])["Vendor"] for each in rack["servers"]]
        assert vendors == ["Dell", "Dell", None, "Recorded"]
        again = root_of(rack["servers"][2]["url"], rack["ca_file"])
        assert again["Vendor"] == "bareiron"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--personality", "dell-idrac99", "dell-idrac9"),
        ("--personality", "dell-idrac9:none", "number"),
        ("--personality", "dell-idrac9:0", "number"),
        ("--fault", "explode", "drop"),
        ("--fault", "nobody@drop", "r1u01"),
    ],
)
def test_what_does_not_exist_is_refused(option: str, value: str, told: str) -> None:
    """Before anything listens, and with what there is instead."""
    result = CliRunner().invoke(command, ["up", option, value])
    assert result.exit_code == 2
    assert told in result.output
