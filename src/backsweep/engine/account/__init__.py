"""Cash, positions, margin and the logs of what changed them. Cash changes in `ledger` and `balances` alone."""
