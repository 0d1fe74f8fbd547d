"""Folds of a topic kept on this machine: each can be thrown away and read again from the log."""
