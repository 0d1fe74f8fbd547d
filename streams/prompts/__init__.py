"""Prompts: their versions and aliases in `control`, as files, and in other registries."""
