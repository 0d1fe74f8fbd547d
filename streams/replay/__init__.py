"""Replay: past questions asked again, where it meets the log, the archive and the models."""
