"""What a scenario would do to a real cluster, known before."""

from __future__ import annotations

import pytest

from kubesim.client.kubeconfig import Access
from kubesim.realcluster.drivers import choose
from kubesim.realcluster.planning import Plan, make_plan
from kubesim.scenario import library, load_scenario
from kubesim.scenario.load import node_names

REPLAYABLE = [name for name, path in library().items() if load_scenario(path).scenario.spec.replayable]


def plan(name: str, context: str = "minikube", present: int = 3) -> Plan:
    loaded = load_scenario(library()[name])
    driver = choose("auto", Access(context, "c", "u", "https://127.0.0.1:1"))
    names = node_names(loaded.scenario)
    return make_plan(loaded, driver, {node: f"m-{node}" for node in names[:present]}, present)


@pytest.mark.parametrize("name", REPLAYABLE)
def test_whatever_is_marked_replayable_can_be_played_on_minikube_and_kind(name: str) -> None:
    """Teaches: replayable is a promise about every step."""
    count = len(node_names(load_scenario(library()[name]).scenario))
    for context in ("minikube", "kind-a"):
        assert plan(name, context, count).impossible == []


def test_a_fault_is_shown_as_the_commands_that_make_it() -> None:
    """Teaches: the plan has the cluster's own names."""
    (step,) = [step for step in plan("node-failure").steps if step.acts]
    assert (step.number, step.when) == (1, "at 60s")
    assert step.acts[0].commands == [["minikube", "node", "stop", "m-node-2", "-p", "minikube"]]
    assert step.disrupts == ["crash node-2 (minikube node stop m-node-2 -p minikube)"]


def test_too_few_nodes_are_told_of() -> None:
    """Teaches: a warning if it can be played all the same, a refusal if a step is about a node that is not there."""
    found = plan("node-failure", present=1)
    assert found.impossible == ["step 1 (at 60s): crash node-2: the cluster has no node to play node-2"]
    assert found.warnings == ["the scenario is for 3 nodes, the cluster has 1: placements may differ"]
    assert plan("scale-up-and-down", present=2).impossible == []
