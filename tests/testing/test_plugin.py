"""The pytest plugin as another project meets it: its fixtures, its marker, and what it leaves alone."""

from __future__ import annotations

import pytest

from kubesim.testing import clusters, plugin  # Imported here, so that not every project below does it again.

pytest_plugins = ["pytester"]

MODULES = (clusters, plugin)
RESULTS = ("passed", "failed", "errors", "skipped")


def outcomes(pytester: pytest.Pytester, text: str, *arguments: str) -> tuple[dict[str, int], str]:
    """Runs one test file in a project of its own; how many tests ended how, and what was printed."""
    pytester.makepyfile(text)
    without = ("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    result = pytester.runpytest_inprocess(*without, *arguments)
    found = {name: count for name, count in result.parseoutcomes().items() if name in RESULTS}
    return found, result.stdout.str()


def test_a_test_that_asks_for_a_cluster_gets_a_booted_one_in_virtual_time(pytester: pytest.Pytester) -> None:
    """Teaches: a test needs no decorator and no configuration; half an hour passes in no time."""
    text = """
        from kubesim.api.resources import NODES

        async def test_time(cluster):
            assert [node.name for node in cluster.all(NODES)] == ["node-1", "node-2", "node-3"]
            assert cluster.sim.clock.now() == 10
            await cluster.run_for(1800)
            assert cluster.sim.clock.now() == 1810
    """
    assert outcomes(pytester, text)[0] == {"passed": 1}


def test_the_marker_passes_arguments_to_the_cluster(pytester: pytest.Pytester) -> None:
    """Teaches: @pytest.mark.cluster takes what SimCluster takes."""
    text = """
        import pytest
        from kubesim.api.resources import NODES

        @pytest.mark.cluster(nodes=5, seed=3, without=("scheduler",))
        async def test_five(cluster):
            assert len(cluster.all(NODES)) == 5
            assert cluster.sim.chance.seed == 3
            assert "scheduler" not in cluster.faults.targets()
    """
    assert outcomes(pytester, text, "--strict-markers")[0] == {"passed": 1}


def test_an_argument_that_nobody_knows_is_an_error(pytester: pytest.Pytester) -> None:
    """Teaches: a misspelt argument is not silently ignored."""
    text = """
        import pytest

        @pytest.mark.cluster(nods=5)
        async def test_five(cluster):
            pass
    """
    found, printed = outcomes(pytester, text)
    assert found == {"failed": 1}
    assert "unexpected keyword argument 'nods'" in printed


def test_a_broken_invariant_fails_a_test_that_would_pass(pytester: pytest.Pytester) -> None:
    """Teaches: whatever a test asserts, the invariants are asserted as well, and say what was broken."""
    text = """
        from kubesim.api.resources import PODS

        async def test_a_pod_is_moved_behind_everybodys_back(cluster):
            await cluster.kubectl.run("run hello --image=nginx")
            await cluster.settle()
            pod = cluster.get(PODS, "default/hello")
            cluster.observer.seen[pod.revision] = 0
    """
    found, printed = outcomes(pytester, text)
    assert found == {"failed": 1}
    assert "broken invariants:" in printed
    assert "no event is lost or repeated between list and watch: /registry/pods/default/hello" in printed


def test_invariants_of_a_settled_cluster_can_be_left_out(pytester: pytest.Pytester) -> None:
    """Teaches: settle=False is for a test that ends in the middle of trouble."""
    text = """
        import pytest

        @pytest.mark.cluster(settle=False)
        async def test_trouble(cluster):
            cluster.faults.crash("control-plane")
            await cluster.run_for(5)
    """
    assert outcomes(pytester, text)[0] == {"passed": 1}


def test_the_failure_of_the_test_itself_comes_first(pytester: pytest.Pytester) -> None:
    """Teaches: when an assertion fails, nothing else is reported in its place."""
    text = """
        async def test_wrong(cluster):
            assert cluster.sim.clock.now() == 11
    """
    found, printed = outcomes(pytester, text)
    assert found == {"failed": 1}
    assert "assert 10.0 == 11" in printed
    assert "broken invariants" not in printed


def test_a_failure_in_the_background_fails_the_test(pytester: pytest.Pytester) -> None:
    """Teaches: nothing fails unheard."""
    text = """
        import asyncio
        from kubesim.sim import Tasks

        async def test_background(cluster):
            def broken():
                raise ValueError("nobody looks here")
            cluster.sim.loop.call_later(5, broken)
            await cluster.run_for(10)
    """
    found, printed = outcomes(pytester, text)
    assert found == {"failed": 1}
    assert "nobody looks here" in printed


def test_other_fixtures_work_beside_the_cluster(pytester: pytest.Pytester) -> None:
    """Teaches: parameters, other fixtures and classes work as in any test."""
    text = """
        import pytest

        @pytest.fixture
        def image():
            return "nginx"

        class TestPods:
            @pytest.mark.parametrize("name", ["a", "b"])
            async def test_pod(self, cluster, image, name, tmp_path):
                assert await cluster.kubectl.run(f"run {name} --image={image}") == [f"pod/{name} created"]
                await cluster.settle()
    """
    assert outcomes(pytester, text)[0] == {"passed": 2}


def test_sim_alone_is_a_fresh_simulation(pytester: pytest.Pytester) -> None:
    """Teaches: without a cluster there is still virtual time, with the same seed in every test."""
    text = """
        import asyncio
        from kubesim.testing.plugin import SEED

        async def test_sleep(sim):
            await asyncio.sleep(86400)
            assert sim.clock.now() == 86400

        async def test_chance(sim):
            assert sim.chance.seed == SEED
            assert sim.clock.now() == 0
    """
    assert outcomes(pytester, text)[0] == {"passed": 2}


def test_in_strict_mode_the_async_tests_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    """Teaches: the plugin is loaded in every pytest run of an environment, so it keeps its hands off by default."""
    pytester.makeconftest(
        """
        import asyncio, inspect, pytest

        @pytest.hookimpl
        def pytest_pyfunc_call(pyfuncitem):  # Somebody else's plugin for coroutines, on real time.
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                asyncio.run(pyfuncitem.obj())
                return True
        """
    )
    text = """
        import asyncio

        async def test_theirs():
            assert type(asyncio.get_running_loop()).__name__ != "SimLoop"

        async def test_ours(sim):
            assert type(asyncio.get_running_loop()).__name__ == "SimLoop"

        def test_plain():
            assert True
    """
    assert outcomes(pytester, text)[0] == {"passed": 3}


def test_in_auto_mode_every_coroutine_test_runs_on_virtual_time(pytester: pytest.Pytester) -> None:
    """Teaches: kubesim_async = auto is for a project whose coroutine tests are all simulated."""
    pytester.makeini("[pytest]\nkubesim_async = auto\n")
    text = """
        import asyncio

        async def test_mine():
            await asyncio.sleep(3600)
            assert asyncio.get_running_loop().time() == 3600
    """
    assert outcomes(pytester, text)[0] == {"passed": 1}


def test_the_plugin_does_not_import_a_cluster_that_nobody_asked_for(pytester: pytest.Pytester) -> None:
    """Teaches: who installs kubesim does not pay for it in every other test run."""
    text = """
        import subprocess, sys

        def test_imports():
            code = "import sys, kubesim.testing.plugin; print('kubesim.cluster' in sys.modules)"
            printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            assert printed.strip() == "False"
    """
    assert outcomes(pytester, text)[0] == {"passed": 1}
