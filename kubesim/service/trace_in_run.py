"""The way of a packet at a moment of a scenario's run."""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.cluster import SimCluster
from kubesim.scenario import Loaded, run_scenario
from kubesim.service.control_network import packet_way
from kubesim.sim import run


def trace_in_run(loaded: Loaded, seconds: float, body: dict[str, object]) -> dict[str, Any]:
    """Plays a scenario for `seconds` and traces a packet then; what is asked for and answered is as over HTTP."""
    return run(lambda: _play(loaded, seconds, body))


async def _play(loaded: Loaded, seconds: float, body: dict[str, object]) -> dict[str, Any]:
    kept: list[SimCluster] = []
    playing = asyncio.get_running_loop().create_task(
        run_scenario(loaded, lambda _: None, on_cluster=kept.append), name="scenario"
    )
    booted = asyncio.get_running_loop().create_future()
    await asyncio.sleep(0)
    kept[0].on_booted.append(lambda: booted.set_result(None))
    try:
        await booted
        # Steps of the same moment are taken first.
        await asyncio.sleep(min(seconds + 1e-6, loaded.scenario.spec.until - 1e-6))
        return await packet_way(kept[0], body)
    finally:
        playing.cancel()
