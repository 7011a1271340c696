"""The life of an order: requested, accepted or rejected, held, working, changed, closed."""
