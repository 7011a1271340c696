"""The kinds of commission and slippage, one file each: its keys in the sweep file, and the kernel that charges it.

A kind's file declares its keys as plain data (`kinds.Number` and the like), for the engine knows neither YAML nor
pydantic. Everything else follows from the declaration: the fields of the engine's records (`Registry.record`), the
section of the sweep file with its bounds and messages (`sweepfile.cost_kinds`), what can be swept and where it goes
(`trial.binding`), and the reference page. The kernel stands beside the keys, so that one file is the whole of a kind;
with the keys in `sweepfile` it would be two.

The package's list of kinds finds the files by their names and numbers them. Numba cannot dispatch on objects, so the
registry composes one kernel of all of them that compares the number; compiled, it is a jump. It is a part of what calls
it, and is kept on disk with that: the folder of compiled code is named after these sources, so a new file is a new
folder.
"""
