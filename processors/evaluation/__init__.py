"""Which of two variants is better, on what, and how sure that is."""
