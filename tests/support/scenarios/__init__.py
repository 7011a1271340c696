"""Markets, scripts, strategies and studies that tests run: by hand, drawn at random, or quick."""
