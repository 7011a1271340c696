"""Which orders fill at a bar, how much of them, at which price, and what it costs."""
