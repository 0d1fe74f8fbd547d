"""Routes: looked at, changed, and what came of their branches."""
