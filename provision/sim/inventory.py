"""The servers file of a simulated rack, as ``provision run`` reads it."""

from __future__ import annotations

import json
from pathlib import Path

from provision.sim.rack import Rack, SimServer

_HEAD = """\
# Written by the simulator: a rack that lives as long as `provision sim up` does.
schema: bareiron.servers/1
defaults:
  user: {user}
  password: file:{password}
  ca_file: {ca}
  profile: xen-4.17
  boot: {{device: usb}}
  evidence:
    serial: {{file: "{{name}}/{log}", expect: ["Xen version", "hypervisor up"]}}
    within: 300
servers:
"""


def write(rack: Rack) -> Path:
    """Write ``servers.yaml`` beside the rack's other files; return its path."""
    path = rack.directory / "servers.yaml"
    first = rack.servers[0]
    head = _HEAD.format(
        user=first.user,
        password=rack.password_file.name,
        ca=rack.ca_file.name,
        log=first.serial_log.name,
    )
    path.write_text(head + "".join(map(_row, rack.servers)), encoding="utf-8")
    return path


def _row(server: SimServer) -> str:
    spec = server.spec
    fields = {"name": spec.name, "bmc": server.url, "serial": spec.serial}
    place = {"rack": spec.rack, "u": spec.unit} if spec.rack and spec.unit else {}
    pairs = [f"{key}: {json.dumps(value)}" for key, value in (fields | place).items()]
    return f"  - {{{', '.join(pairs)}}}\n"
