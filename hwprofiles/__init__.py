"""What hypervisors ask of hardware, what servers are, and how BMC platforms depart from Redfish."""

from hwprofiles.errors import DocumentError, Problem

__all__ = ["DocumentError", "Problem"]
