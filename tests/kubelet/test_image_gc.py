"""Images are removed when the disk is nearly full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.kubelet import NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
GIBIBYTE = 1 << 30


def small(*images: str) -> NodeConfig:
    capacity = {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "10Gi"}
    return NodeConfig("node-1", capacity=capacity, images=(*images, "busybox:1.36"))


def names(world: Any) -> list[str]:
    return sorted(each["names"][1].rsplit("/", 1)[-1] for each in world.node_object()["status"]["images"])


async def test_unused_images_go_above_85_percent_until_80(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the image cache of a node is cleaned by the kubelet, the longest unused first."""
    world = new_world(sim, node=small("mysql:9", "mongo:8", "golang:1.25"))
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["sleep", "infinity"]}])
    await world.run_until(250)
    world.runtime.disk.other_bytes = round(6.6 * GIBIBYTE)  # With 2.3 GB of images 88 %.
    await world.run_until(320)
    assert names(world) == ["busybox:1.36", "golang:1.25", "pause:3.10.1"]
    assert "FreeDiskSpaceFailed" not in world.reasons("node-1")


async def test_what_runs_is_not_removed_and_that_is_said(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: FreeDiskSpaceFailed at once, ImageGCFailed when it happens again."""
    world = new_world(sim, node=small("mysql:9"))
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["sleep", "infinity"]}])
    await world.run_until(250)
    world.runtime.disk.other_bytes = round(9.5 * GIBIBYTE)
    await world.run_until(320)
    assert names(world) == ["busybox:1.36", "pause:3.10.1"]
    said = [(reason, message) for *_, reason, message in world.events("node-1") if "Failed" in reason]
    assert [reason for reason, _ in said] == ["FreeDiskSpaceFailed"]
    assert said[0][1].startswith(
        "Failed to garbage collect required amount of images. Attempted to free 2147483648 bytes, "
    ), said[0][1]
    assert said[0][1].endswith(" bytes eligible to free.")
    await world.run_until(620)
    reasons = [each for each in world.reasons("node-1") if "Failed" in each]
    assert reasons == ["FreeDiskSpaceFailed", "FreeDiskSpaceFailed", "ImageGCFailed"]


async def test_what_has_just_come_stays(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: an image has two minutes until something runs from it."""
    world = new_world(sim, node=small("mysql:9"))
    await world.run_until(290)
    await world.runtime.pull_image("python:3.14")
    world.runtime.disk.other_bytes = 10 * GIBIBYTE
    await world.run_until(320)
    assert names(world) == ["pause:3.10.1", "python:3.14"]
