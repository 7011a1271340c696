"""The kinds of commission: a new one is a file here, and its name in the list."""

from backsweep.engine.costs.kinds import Registry

COMMISSIONS = Registry.of(
    __name__,
    "none",
    "percentage",
    "per_share",
    "per_order",
    "combined",
    "tiered",
    "custom",
)

charge = COMMISSIONS.dispatch()
"""Call the kernel of a kind by its number, which comes before the kernel's own arguments."""
