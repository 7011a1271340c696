"""The kinds of slippage: a new one is a file here, and its name in the list."""

from backsweep.engine.costs.kinds import Registry

SLIPPAGES = Registry.of(
    __name__,
    "none",
    "fixed",
    "percentage",
    "volume_share",
    "square_root",
    "custom",
)

slip = SLIPPAGES.dispatch()
"""Call the kernel of a kind by its number, which comes before the kernel's own arguments."""
