"""What goes wrong on purpose: killed drivers and workers, damaged folders, files changed at random."""
