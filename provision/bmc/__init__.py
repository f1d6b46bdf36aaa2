"""Talking to one BMC over Redfish: identity, inventory, power, boot, media, BIOS."""
