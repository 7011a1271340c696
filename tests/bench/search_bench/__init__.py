"""A comparison of samplers: `make search-bench` runs it and writes docs/search.md."""
