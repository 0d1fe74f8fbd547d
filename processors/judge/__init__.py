"""What an answer asserts, and what another model is asked about it."""
