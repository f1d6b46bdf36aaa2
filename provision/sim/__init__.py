"""The simulated rack: BMCs that behave, and misbehave, without hardware.

async with provision.sim.running(servers=16, scale=0.1) as rack:
    print(rack.servers[0].url, rack.ca_file)
"""

from __future__ import annotations

from provision.sim.rack import Rack, SimServer, running
from provision.sim.spec import ServerSpec, standard_mix

__all__ = ["Rack", "ServerSpec", "SimServer", "running", "standard_mix"]
