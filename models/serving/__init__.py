"""What the served models share: texts in, vectors out."""
