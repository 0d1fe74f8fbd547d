"""What moves: topics, workers, gateway, sources, the stack and its command line."""
