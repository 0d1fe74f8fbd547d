"""Replays of the past: where the pure code of `processors.replay` meets the log and the models."""
