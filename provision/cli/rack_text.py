"""What ``provision sim up`` prints of a rack that is up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.sim import Rack, ServerSpec


def as_json(rack: Rack, servers_file: Path) -> str:
    """Return the rack as ``bareiron.sim/1``."""
    return json.dumps(
        {
            "schema": "bareiron.sim/1",
            "directory": str(rack.directory),
            "servers_file": str(servers_file),
            "password_file": str(rack.password_file),
            "ca_file": str(rack.ca_file),
            "request_log": str(rack.request_log),
            "servers": [
                {
                    "name": server.name,
                    "url": server.url,
                    "user": server.user,
                    "model": server.spec.model,
                    "serial": server.spec.serial,
                    "stick": str(server.stick),
                    "serial_log": str(server.serial_log),
                }
                for server in rack.servers
            ],
        },
        indent=2,
    )


def text(rack: Rack, servers_file: Path, *, image: str) -> str:
    """Return the rack in words, with what to try; ``image`` is the command that makes one."""
    first = rack.servers[0]
    access = f"--user {first.user} --password-file {rack.password_file} --ca-file {rack.ca_file}"
    lines = [f"{server.name}  {server.url}  {_oddities(server.spec)}" for server in rack.servers]
    lines += [
        "",
        f"user           {first.user}",
        f"password file  {rack.password_file}",
        f"CA file        {rack.ca_file}",
        f"servers file   {servers_file}",
        f"request log    {rack.request_log}",
        f"sticks         {rack.directory}/NAME/{first.stick.name}",
        f"serial logs    {rack.directory}/NAME/{first.serial_log.name}",
        "",
        "Try, in another terminal:",
        f"  provision inventory {first.url} {access}",
        f"  provision {image}",
        f"  provision flash demo.img {rack.directory}/*/{first.stick.name} --allow-file",
        f"  provision run {servers_file}",
        "",
        f"The servers boot what `provision {image}` makes.",
    ]
    return "\n".join(lines)


def _oddities(spec: ServerSpec) -> str:
    memory = (
        f"{spec.memory_mib} MiB" if spec.memory_mib % 1024 else f"{spec.memory_mib // 1024} GiB"
    )
    virtualization = "" if spec.virtualization else ", virtualization off"
    return f"{spec.model}, {memory}{virtualization}"
