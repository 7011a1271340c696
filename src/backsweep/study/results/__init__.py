"""The results of a finished or running study."""
