"""Running a study: the driver, its batches and their pacing."""
