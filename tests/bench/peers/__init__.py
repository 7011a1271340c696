"""The same backtests by other engines, side by side with this one: see `peers.__main__`."""
