"""Strategies that are shipped: to run, to read and to start from."""
