"""Numba: kernels, records seen as objects, and compiled code that is kept between processes."""
