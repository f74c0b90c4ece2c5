"""The controller manager: who leads, what runs, in whose name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import DEPLOYMENTS, LEASES, PODS, REPLICA_SETS
from kubesim.api.stored import Object
from kubesim.controllers import ALL_CONTROLLERS, ControllerManager
from kubesim.controllers.deployment import DeploymentController
from kubesim.sim import Simulation

Make = Callable[..., Object]


def test_every_controller_is_listed_once_under_a_name_of_its_own() -> None:
    """Teaches: names as in `kube-controller-manager --controllers`."""
    names = [kind.name for kind in ALL_CONTROLLERS]
    assert len(set(names)) == len(names)
    assert {"deployment-controller", "replicaset-controller", "node-lifecycle-controller"} <= set(names)


async def test_each_controller_writes_as_its_own_service_account(sim: Simulation, make_world: Any) -> None:
    """Teaches: one process, many identities; the caches are the manager's own."""
    async with make_world(sim) as world:
        asked: list[str] = []

        def client_for(name: str) -> Any:
            asked.append(name)
            return world.client_for(name)

        kinds = (DeploymentController,)
        task = asyncio.create_task(ControllerManager(sim, client_for, controllers=kinds, leader_elect=False).run())
        await world.run_for(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asked == ["", "deployment-controller"]


async def test_a_second_manager_waits_until_the_lease_of_the_first_expires(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: two at once would undo each other's work; after a crash it takes 15 s and a retry to go on."""
    async with make_world(sim, ()) as world:
        managers = [ControllerManager(sim, world.client_for, host=host) for host in ("one", "two")]
        tasks = [asyncio.create_task(manager.run()) for manager in managers]
        await world.run_for(5)
        lease = await world.client.get(LEASES, "kube-controller-manager", "kube-system")
        assert lease.object["spec"]["holderIdentity"].startswith("one_")
        assert len(managers[0].controllers) == len(ALL_CONTROLLERS)
        assert managers[1].controllers == ()
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        await world.client.create(DEPLOYMENTS, make_deployment(1))
        await world.run_for(10)
        assert world.all(REPLICA_SETS) == []
        await world.run_for(10)
        assert len(world.all(PODS)) == 1
        tasks[1].cancel()
        await asyncio.gather(tasks[1], return_exceptions=True)


async def test_a_key_that_keeps_failing_is_given_up_until_something_changes(
    sim: Simulation, make_world: Any, make_deployment: Make
) -> None:
    """Teaches: the Deployment controller tries 15 times more, within 164 s; a ReplicaSet's never gives up."""
    async with make_world(sim) as world:
        world.refuse(ForbiddenError("no"), "create", REPLICA_SETS)
        await world.client.create(DEPLOYMENTS, make_deployment(1, progressDeadlineSeconds=2**31 - 1))
        await world.run_for(1000)
        assert len(world.refused_at) == 16
        assert round(world.refused_at[-1] - world.refused_at[0]) == 164
        assert set(world.events("ReplicaSetCreateError")) == {
            f'Failed to create new replica set "{name}": no' for name in [world.events()[0].split('"')[1]]
        }
