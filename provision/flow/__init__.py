"""The stories: validate a server, flash sticks, install a rack."""
