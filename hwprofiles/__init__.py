"""What hypervisors ask of hardware, what servers are, and how BMC platforms depart from Redfish."""
