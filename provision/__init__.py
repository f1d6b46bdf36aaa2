"""bareiron: from the loading dock to a running hypervisor."""

__version__ = "0.1.0"
