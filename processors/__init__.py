"""What is decided: pure classes and functions, no sockets and no clock of their own.

State and event and `now` go in, events come out, so that the same object serves a live
worker, a replay and a test.
"""
