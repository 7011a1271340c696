"""The kinds of commission: a new one is a file here, and a line in the list."""

from backsweep.engine.costs.commissions import combined, custom, none, per_order, per_share, percentage, tiered
from backsweep.engine.costs.kinds import Registry

COMMISSIONS = Registry(
    (
        none.KIND,
        percentage.KIND,
        per_share.KIND,
        per_order.KIND,
        combined.KIND,
        tiered.KIND,
        custom.KIND,
    )
)

charge = COMMISSIONS.dispatch()
"""Call the kernel of a kind by its number, which comes before the kernel's own arguments."""
