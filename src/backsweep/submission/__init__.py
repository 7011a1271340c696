"""Sending a study to a Ray cluster as a job, following it, and bringing its folder back.

- package: what is shipped - sweep file, data, strategy and this package - under a name that is their digest
- pins: the versions that a node must have, checked there before a trial runs
- transfer: the study's folder, carried back through a job's log, file by file and digest by digest
- submit: one command that ships, follows, sends again where the driver was killed, and fetches
"""
