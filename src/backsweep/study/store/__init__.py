"""The folder of a study on disk: what is written, when, and what a resume reads."""
