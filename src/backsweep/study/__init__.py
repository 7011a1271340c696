"""A study: a search over many trials, kept in a folder, resumed, and told with what it found.

Rooms, each importing those below it alone: `results`, `run`, `store`, `table`, `search`.
"""
