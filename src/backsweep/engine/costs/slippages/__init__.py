"""The kinds of slippage: a new one is a file here, and a line in the list."""

from backsweep.engine.costs.kinds import Registry
from backsweep.engine.costs.slippages import custom, fixed, none, percentage, square_root, volume_share

SLIPPAGES = Registry(
    (
        none.KIND,
        fixed.KIND,
        percentage.KIND,
        volume_share.KIND,
        square_root.KIND,
        custom.KIND,
    )
)

slip = SLIPPAGES.dispatch()
"""Call the kernel of a kind by its number, which comes before the kernel's own arguments."""
