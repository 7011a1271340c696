"""Whether a worker was lost with its node: a machine that went away, which is no fault of what ran there."""

from __future__ import annotations

import socket

from backsweep.runtime.ray_session import ray

_REACH_SECONDS = 2.0
_SAID = "its node has died"  # in Ray's words about an actor


def is_gone(node: str | None, error: Exception) -> bool:
    """Return whether the node with this id is gone, by what Ray says of the worker's end or by asking for the node.

    Ray itself notices after some seconds; until then the node counts as alive, but nothing answers at its port.
    """
    if isinstance(error, ray.exceptions.NodeDiedError) or _SAID in str(error):
        return True
    if node is None:
        return False
    known = next((entry for entry in ray.nodes() if entry["NodeID"] == node), None)
    if known is None or not known["Alive"]:
        return True
    try:
        address = (known["NodeManagerAddress"], known["NodeManagerPort"])
        socket.create_connection(address, timeout=_REACH_SECONDS).close()
    except OSError:
        return True
    return False
