"""Clients of the servers beside us, each behind a port of `processors.ports`."""
