"""Injected faults: killed drivers and workers, damaged folders, files changed at random."""
