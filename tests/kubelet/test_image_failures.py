"""Images that cannot be had: ErrImagePull, ImagePullBackOff and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubesim.kubelet import PLAUSIBLE
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
NAME = "docker.io/library/nginx:no-such-tag"
NOT_FOUND = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{NAME}": '
    f'failed to resolve reference "{NAME}": {NAME}: not found'
)
MISSING = msgspec.structs.replace(
    PLAUSIBLE, sandbox_seconds=(0.5, 0.5), create_seconds=0.1, missing_images=("nginx:no-such-tag",)
)


async def test_a_missing_image_is_asked_for_less_and_less_often(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: pulls come 10, 20, 40 … seconds after the last failure."""
    world = new_world(sim, MISSING)
    world.bind(containers=[{"name": "c", "image": "nginx:no-such-tag"}])
    await world.run_until(100)
    pulls = [round(second, 2) for second, _, reason, _ in world.events("web") if reason == "Pulling"]
    assert pulls == [0.5, 10.65, 30.8, 70.95]


async def test_the_waiting_state_says_why(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: ErrImagePull is the failure, ImagePullBackOff the wait after it."""
    world = new_world(sim, MISSING)
    world.bind(containers=[{"name": "c", "image": "nginx:no-such-tag"}])
    await world.run_until(2)
    assert world.container()["state"]["waiting"] == {"reason": "ErrImagePull", "message": NOT_FOUND}
    await world.run_until(5)
    assert world.container()["state"]["waiting"] == {
        "reason": "ImagePullBackOff",
        "message": f'Back-off pulling image "nginx:no-such-tag": ErrImagePull: {NOT_FOUND}',
    }
    assert world.status()["phase"] == "Pending"
    said = list(dict.fromkeys((kind, reason, message) for _, kind, reason, message in world.events("web")))
    assert said == [
        ("Normal", "Pulling", 'Pulling image "nginx:no-such-tag"'),
        ("Warning", "Failed", f'Failed to pull image "nginx:no-such-tag": {NOT_FOUND}'),
        ("Warning", "Failed", "Error: ErrImagePull"),
        ("Normal", "BackOff", 'Back-off pulling image "nginx:no-such-tag"'),
        ("Warning", "Failed", "Error: ImagePullBackOff"),
    ]


async def test_never_means_never(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: imagePullPolicy Never fails where the image is not on the node."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "redis:7", "imagePullPolicy": "Never"}])
    await world.run_until(3)
    message = 'Container image "redis:7" is not present with pull policy of Never'
    assert world.container()["state"]["waiting"] == {"reason": "ErrImageNeverPull", "message": message}
    assert ("Warning", "ErrImageNeverPull", message) in [event[1:] for event in world.events("web")]


async def test_a_name_that_is_no_name_is_not_asked_for(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: InvalidImageName."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "Nginx:1"}])
    await world.run_until(3)
    assert world.container()["state"]["waiting"]["reason"] == "InvalidImageName"
    assert "Pulling" not in world.reasons()
    assert tuple(dict.fromkeys(world.reasons())) == ("InspectFailed", "Failed")


async def test_always_asks_the_registry_at_every_start(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: with imagePullPolicy Always even a present image costs a look at the registry."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "nginx:1.27", "imagePullPolicy": "Always"}])
    await world.run_until(3)
    pulled = next(message for *_, reason, message in world.events("web") if reason == "Pulled")
    assert pulled == (
        'Successfully pulled image "nginx:1.27" in 150ms (150ms including waiting). Image size: 72000000 bytes.'
    )
