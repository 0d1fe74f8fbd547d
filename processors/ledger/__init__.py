"""The token ledger: a fold of `usage`, the same for everybody who reads the log."""
