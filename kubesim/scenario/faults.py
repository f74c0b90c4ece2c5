"""From a fault as somebody wrote it (a scenario's step, a message on the bus) to the verb that does it."""

from __future__ import annotations

from typing import Any

from kubesim.cluster import SimCluster
from kubesim.scenario.schema import Fault


async def inject(cluster: SimCluster, fault: Fault) -> None:
    """Makes the trouble; UnknownTargetError if it names something that does not exist."""
    faults, verb = cluster.faults, fault.verbs[0]
    value: Any = getattr(fault, verb)
    if verb in ("crash", "restart", "pause", "resume"):
        getattr(faults, verb)(value)
    elif verb == "skew":
        faults.skew(value, fault.seconds)
    elif verb == "stop":
        await faults.stop(value)
    elif verb in ("partition", "hold"):
        getattr(faults, verb)(*value, one_way=fault.one_way)
    elif verb in ("repair", "release"):
        getattr(faults, verb)(*value)
    elif verb == "slow":
        faults.slow(value[0], value[1], fault.latency, one_way=fault.one_way)
    else:
        faults.drop(value[0], value[1], fault.probability, one_way=fault.one_way)
