"""The sweep file: every key of it is declared here, one section a module.

To add a key, declare it in its section; a rule between sections stands in `rules`.
"""
