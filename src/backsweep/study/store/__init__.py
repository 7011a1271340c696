"""The folder of a study: what is written, when, and what a resume reads."""
