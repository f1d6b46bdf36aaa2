"""The virtual lab: real firmware on virtual machines, behind a Redfish service not of ours."""
