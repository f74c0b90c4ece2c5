"""A pytest plugin: `async def` tests on virtual time, with a simulated cluster to test controllers against.

    async def test_a_dead_node_is_marked(cluster):
        cluster.faults.crash("node-2")
        await cluster.run_for(60)

A coroutine test that asks for `cluster` or `sim` runs on a loop of its own, in virtual time. After the test
the invariants of `kubesim.checks` must hold. `@pytest.mark.cluster(nodes=5, seed=3)` passes arguments to
SimCluster. With `kubesim_async = auto` in the configuration every coroutine test runs on virtual time.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest

SEED = 7
ON_LOOP = ("cluster", "sim")  # Made on the loop of the test, since they live on it.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the `kubesim_async` setting."""
    parser.addini("kubesim_async", "auto: every coroutine test runs on kubesim's virtual time", default="strict")


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "cluster(**arguments): arguments of the SimCluster behind `cluster`")


@pytest.fixture
def cluster() -> None:
    """A booted SimCluster; `pytest_pyfunc_call` makes it on the loop of the test."""


@pytest.fixture
def sim() -> None:
    """A fresh Simulation; `pytest_pyfunc_call` makes it on the loop of the test."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine test on a virtual loop that nothing outlives."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    is_ours = any(name in arguments for name in ON_LOOP)
    if not is_ours and pyfuncitem.config.getini("kubesim_async") != "auto":
        return None
    from kubesim.sim import run  # Imported here: the plugin is loaded in every pytest run of an environment.

    run(lambda: _call(pyfuncitem, arguments))
    return True


async def _call(pyfuncitem: pytest.Function, arguments: dict[str, Any]) -> None:
    if "cluster" in arguments:
        from kubesim.testing.clusters import checked_cluster

        marker = pyfuncitem.get_closest_marker("cluster")
        options = dict(marker.kwargs) if marker is not None else {}
        async with checked_cluster(**{"seed": SEED, **options}) as cluster:
            await pyfuncitem.obj(**{**arguments, "cluster": cluster})
        return
    if "sim" in arguments:
        from kubesim.sim import Simulation

        arguments["sim"] = Simulation(seed=SEED)
    await pyfuncitem.obj(**arguments)
