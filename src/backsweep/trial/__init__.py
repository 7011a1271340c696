"""One trial: a parameter set on the data, through features, engine and metrics."""
