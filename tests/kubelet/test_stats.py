"""What a node and its Pods use, as /stats/summary tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubesim.api.kubelet_call import KubeletCall
from kubesim.kubelet import NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
MI = 1 << 20


async def test_the_summary_is_what_eviction_goes_by(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: memory, disk and processes of the node and of each container, with what is left."""
    capacity = {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "20Gi", "pods": "110"}
    world = new_world(sim, node=NodeConfig("node-1", capacity=capacity, images=("nginx:1.27",)))
    behaviour = {"memoryBytes": 100 * MI, "diskBytes": 50 * MI, "processes": 5, "cpuMilli": 250}
    world.bind(annotations={"kubesim.dev/behavior": json.dumps(behaviour)})
    await world.run_until(5)
    session = await world.kubelet._server.handle(KubeletCall("stats/summary", "", "", "", {}))
    text = b""
    while (frame := await session.receive()) is not None:
        text += frame.data
    page = json.loads(text)
    node, (pod,) = page["node"], page["pods"]
    assert node["memory"]["workingSetBytes"] == 228 * MI  # 128 Mi of the system's own.
    assert node["memory"]["availableBytes"] == 796 * MI
    assert (node["rlimit"]["maxpid"], node["rlimit"]["curproc"]) == (32768, 125)
    assert node["fs"]["capacityBytes"] == 20 << 30
    assert node["fs"]["usedBytes"] + node["fs"]["availableBytes"] == 20 << 30
    (container,) = pod["containers"]
    assert container["cpu"]["usageNanoCores"] == 250_000_000
    assert container["rootfs"]["usedBytes"] == pod["ephemeral-storage"]["usedBytes"] == 50 * MI
    assert pod["process_stats"] == {"process_count": 5}
