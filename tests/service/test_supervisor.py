"""A component that fails is started again, later and later."""

from __future__ import annotations

import asyncio
import io

import pytest

from kubesim.api.resources import NODES
from kubesim.client.client import Client
from kubesim.client.informer import Informers
from kubesim.cluster import SimCluster
from kubesim.service.log import Log
from kubesim.service.supervisor import Supervisor

HOUR = 3600


class Failing:
    """Runs for `seconds` and then fails."""

    def __init__(self, cluster: SimCluster, client: Client, starts: list[float], seconds: float) -> None:
        self.informers = Informers(cluster.sim, client)
        self._cluster = cluster
        self._starts = starts
        self._seconds = seconds

    async def run(self) -> None:
        """Fails."""
        self._starts.append(self._cluster.sim.clock.now() - HOUR)
        await asyncio.sleep(self._seconds)
        raise ZeroDivisionError("a bug")


async def starts_of(cluster: SimCluster, runs_for_seconds: float, until: float) -> tuple[list[float], str]:
    """When a component that fails so long after its start was started, and what the log says."""
    starts: list[float] = []
    out = io.StringIO()
    asyncio.get_running_loop().set_exception_handler(Supervisor(cluster.sim, Log(out)).note)
    await asyncio.sleep(HOUR - cluster.sim.clock.now())
    cluster.add("operator", lambda client: Failing(cluster, client, starts, runs_for_seconds))
    await cluster.run_for(until)
    cluster.faults.crash("operator")
    return starts, out.getvalue()


@pytest.mark.cluster(nodes=1)
async def test_a_component_that_fails_is_restarted_after_ten_seconds_then_twenty(cluster: SimCluster) -> None:
    """Teaches: the back-off of a crashing static Pod doubles up to five minutes."""
    starts, log = await starts_of(cluster, 1, until=1300)
    assert starts == [0, 11, 32, 73, 154, 315, 616, 917, 1218]
    assert "component_failed component=operator" in log
    assert "ZeroDivisionError: a bug" in log
    assert log.count("component_restarts") == 8


@pytest.mark.cluster(nodes=1)
async def test_one_that_ran_for_ten_minutes_begins_with_ten_seconds_again(cluster: SimCluster) -> None:
    """Teaches: a rare failure is no crash loop."""
    starts, _ = await starts_of(cluster, 600, until=1900)
    assert starts == [0, 610, 1220, 1830]


@pytest.mark.cluster(nodes=1)
async def test_the_others_go_on(cluster: SimCluster) -> None:
    """Teaches: a control plane is made of processes, not of one."""
    await starts_of(cluster, 1, until=30)
    (node,) = cluster.all(NODES)
    assert node.object["status"]["conditions"][-1]["status"] == "True"


@pytest.mark.cluster(nodes=0)
async def test_what_belongs_to_no_component_is_only_told(cluster: SimCluster) -> None:
    """Teaches: a connection that breaks concerns nobody else."""
    out = io.StringIO()
    Supervisor(cluster.sim, Log(out)).note(asyncio.get_running_loop(), {"message": "a client left"})
    assert 'failure message="a client left"' in out.getvalue()
