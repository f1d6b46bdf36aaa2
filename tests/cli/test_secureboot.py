"""``provision secureboot``: shown, switched once, on one or many."""

from __future__ import annotations

import json
from pathlib import Path

from provision.sim import faults
from provision.sim.rack import Rack, SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run, two

__all__ = ["bmcs", "one", "run", "two"]


def test_shown_and_switched(run: Run, one: SimServer) -> None:
    """Shown; a dry run says what would be; switched for the next boot; then nothing to do."""
    words = [one.url, *reach(one)]
    status, out, err = run("secureboot", "show", *words)
    assert (status, err) == (0, "")
    assert out.splitlines()[1].split() == ["next", "boot", "disabled"]
    assert "would be enabled" in run("secureboot", "enable", *words, "--dry-run")[1]
    assert one.count("PATCH", "SecureBoot") == 0
    status, out, _ = run("secureboot", "enable", *words)
    assert (status, out) == (0, "disabled → enabled, from the next boot on\n")
    assert "nothing to do" in run("secureboot", "enable", *words)[1]
    told = result(run("secureboot", "show", *words, "--output", "json")[1])
    assert (told["pending"], told["enabled_at_last_boot"]) == (True, False)
    assert run("secureboot", "disable", *words)[0] == 0
    assert one.count("PATCH", "SecureBoot") == 2


def test_many_and_one_that_fails(run: Run, one: SimServer, two: SimServer) -> None:
    """One that refuses stops no other; each has its line, and the status speaks for all."""
    one.faults.add(faults.conflict("SecureBoot", method="PATCH"))
    status, out, err = run(
        "secureboot", "enable", one.url, two.url, *reach(one), "--output", "jsonl"
    )
    first, second = map(json.loads, out.splitlines())
    assert status == 11
    assert first["error"]["code"] == "conflict"
    assert second["result"]["after"]["enabled_at_next_boot"] is True
    assert "[conflict]" in err
    status, out, _ = run("secureboot", "disable", one.url, two.url, *reach(one))
    assert out.splitlines()[0] == one.url
    assert status == 0


def test_servers_of_a_file(run: Run, bmcs: Rack, tmp_path: Path) -> None:
    """A file names the BMCs, a selector some of them; none left is an error."""
    rows = [
        f"- {{name: {each.name}, bmc: '{each.url}', user: admin, rack: {each.spec.rack}, "
        f"password: 'file:{each.password_file}', ca_file: {each.ca_file}}}"
        for each in bmcs.servers
    ]
    path = tmp_path / "servers.yaml"
    path.write_text("schema: bareiron.servers/1\nservers:\n" + "\n".join(rows) + "\n")
    words = ["secureboot", "show", "--servers", str(path), "--output", "json"]
    status, out, err = run(*words, "--limit", "rack=r2")
    assert (status, err) == (0, "")
    assert [each["target"] for each in json.loads(out)] == ["u02"]
    assert len(json.loads(run(*words)[1])) == 2
    assert run(*words, "--limit", "rack=r9")[0] == 13
    assert run("secureboot", "show")[0] == 2
    assert run("secureboot", "show", bmcs.servers[0].url, "--limit", "x")[0] == 2
