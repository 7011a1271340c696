"""A second engine, slow and exact, written from the documented rules: it judges the first."""
