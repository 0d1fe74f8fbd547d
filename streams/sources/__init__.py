"""Where documents come from: folders, git histories, installed packages.

A source is a plain generator: it reads and yields `DocumentEvent`s, and a `Skipped` for each
thing that is no document, with why. It knows no broker; `streams/writes.py` sends what it yields.
"""
