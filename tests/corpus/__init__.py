"""Recorded machines: what real BMCs, boards and CPUs said must come out as known."""
