"""How a study runs: the driver, its batches and their pacing."""
