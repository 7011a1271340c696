"""A study: a search over many trials, kept in a folder, resumed, and reported with its findings.

Rooms, each importing those below it alone: `results`, `run`, `store`, `table`, `search`.
"""
