"""The cluster's own time: a real cluster lives in wall time, one of `kubesim start` at the speed that its owner chose.

A run's seconds are the cluster's seconds, so against a served cluster at speed 20 the adapter's loop runs twenty times
as fast as the wall clock, and its date is the cluster's date. Then a scenario's times mean the same as in simulation.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from kubesim.api.errors import ApiError, TransportError
from kubesim.client.http import HttpTransport
from kubesim.realcluster.errors import RealClusterError
from kubesim.sim import Simulation
from kubesim.sim.clock import UNIX_EPOCH

CLOCK = "/kubesim/v1/clock"


async def adopt(sim: Simulation, transport: HttpTransport) -> float:
    """Lets `sim` run on the cluster's time; its speed. The connection's own patience stays in real seconds."""
    if not transport.access.profile:
        return 1.0
    try:
        clock = orjson.loads(await transport.read(CLOCK))
        speed, date = float(clock["speed"]), datetime.fromisoformat(clock["date"])
    except (ApiError, TransportError, ValueError, KeyError):
        return 1.0  # Whatever serves this context now, it is none of ours.
    if clock.get("mode") == "paused":
        raise RealClusterError("the cluster's clock is paused; `kubesim resume` lets time pass")
    sim.loop.pace(speed)
    sim.clock.set_skew(0)
    theirs = (date - UNIX_EPOCH).total_seconds() + clock["seconds"] % 1
    sim.clock.set_skew(theirs - sim.clock.unix_ns() / 1e9)
    transport.patience = speed
    return speed
