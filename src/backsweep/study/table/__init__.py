"""The study table: a row for each trial, and what folds and digests are made from it."""
