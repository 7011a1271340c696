"""What people look at: a study as one HTML page, and the sentences and numbers that it shares with the terminal."""
