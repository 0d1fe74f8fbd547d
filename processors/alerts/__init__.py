"""When somebody must look: objectives that are missed too fast, and drift."""
