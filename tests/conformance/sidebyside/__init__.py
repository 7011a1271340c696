"""Other backtesters, run side by side with this one on the same bars and the same intents."""
