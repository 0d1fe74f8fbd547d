"""Has what we are asked, and how we answer, changed? One event at a time.

`windows` puts events in order, `embeddings` and `scalars` watch them, `alarm` says what moved.
"""
