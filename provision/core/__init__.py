"""The words every room shares: errors, events, secrets, configuration, servers."""
