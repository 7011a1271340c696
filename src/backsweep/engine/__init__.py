"""One loop over the bars of a run, compiled together with a strategy.

Rooms, each importing those below it alone: `loop`, `events`, `fills`, `orders`, `account`, `slots`, `state`, `lots`,
`tables`, `compile`.
"""
