"""Async tests run on virtual time: `async def test_…` gets a fresh SimLoop, a parameter `sim` a fresh Simulation."""

from __future__ import annotations

import inspect

import pytest

from kubesim.sim import Simulation, run

SEED = 7


@pytest.fixture
def sim() -> None:
    """A Simulation lives on a running loop: `pytest_pyfunc_call` makes it there and puts it in the place of this."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine test on a loop of its own, which nothing outlives."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    if "cluster" in wanted:
        return None  # kubesim.testing.plugin runs those.
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}

    async def main() -> None:
        if "sim" in arguments:
            arguments["sim"] = Simulation(seed=SEED)
        await pyfuncitem.obj(**arguments)

    run(main)
    return True
