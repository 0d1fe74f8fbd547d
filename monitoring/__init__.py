"""What is seen of a running Freshet."""
