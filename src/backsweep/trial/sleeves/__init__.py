"""Trials of which every asset has an account of its own, cut into shards and put together again."""
