"""Atomic files: on a local disk and in object stores."""
