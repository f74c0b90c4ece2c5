"""A plugin that raises, at each extension point: the Pod goes back to the queue and the scheduler lives on."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubesim.api.resources import EVENTS, PODS
from kubesim.cluster import SimCluster
from kubesim.scheduler import ConfigurationError, Profile, Scheduler, SchedulerConfiguration
from kubesim.scheduler.config_file import parse_configuration
from kubesim.scheduler.framework import interface
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import (
    ALL_NODES,
    PermitPlugin,
    PostBindPlugin,
    PreFilterPlugin,
    Scale,
    ScorePlugin,
)
from kubesim.scheduler.framework.status import SKIP, SUCCESS, WAIT, Status, unschedulable
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.pod_info import PodInfo

BROKEN: dict[str, tuple[str, str]] = {  # Extension point → (method, how its failure is told).
    "PreFilter": ("pre_filter", 'running PreFilter plugin "Bad": ZeroDivisionError("no luck")'),
    "Filter": ("filter", 'running "Bad" filter plugin: ZeroDivisionError("no luck")'),
    "PreScore": ("pre_score", 'running PreScore plugin "Bad": ZeroDivisionError("no luck")'),
    "Score": ("score", 'running Score plugins: plugin "Bad" failed with: ZeroDivisionError("no luck")'),
    "Reserve": ("reserve", 'running Reserve plugin "Bad": ZeroDivisionError("no luck")'),
    "Permit": ("permit", 'running Permit plugin "Bad": ZeroDivisionError("no luck")'),
    "PreBind": ("pre_bind", 'running PreBind plugin "Bad": ZeroDivisionError("no luck")'),
    "Bind": ("bind", 'running Bind plugin "Bad": ZeroDivisionError("no luck")'),
    "QueueSort": ("key", 'running QueueSort plugin "Bad": ZeroDivisionError("no luck")'),
}


def unlucky(*arguments: Any) -> Any:
    pod = next(each for each in arguments if isinstance(each, PodInfo))
    if pod.name == "unlucky":
        raise ZeroDivisionError("no luck")


async def unlucky_later(*arguments: Any) -> Status:
    unlucky(*arguments)
    return SKIP


def bad(point: str, method: str) -> SchedulerConfiguration:
    """A plugin that fails for the Pod "unlucky", first of all where only the first has its say."""
    kind: Any = getattr(interface, f"{point}Plugin")

    def answer(plugin: Any, *arguments: Any) -> Any:
        unlucky(*arguments)
        pod = next(each for each in arguments if isinstance(each, PodInfo))
        usual = {"score": 0, "pre_filter": (ALL_NODES, SUCCESS), "permit": (SUCCESS, 0), "key": (-pod.priority,)}
        return usual.get(method, SUCCESS)

    body: dict[str, Any] = {"name": "Bad", method: unlucky_later if method in ("pre_bind", "bind") else answer}
    if point == "Reserve":
        body["unreserve"] = lambda *_: None
    row = Registration("Bad", type("Bad", (kind,), body))
    others = [each for each in DEFAULT_PLUGINS if point != "QueueSort" or each.name != "PrioritySort"]
    return SchedulerConfiguration((Profile(plugins=(row, *others)),))


def pod(name: str, **spec: Any) -> dict[str, Any]:
    full = {"containers": [{"name": "c", "image": "nginx"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": full}


def node_of(cluster: SimCluster, name: str) -> str:
    stored = cluster.get(PODS, f"default/{name}")
    assert stored is not None
    return str(stored.object["spec"].get("nodeName", ""))


def told(cluster: SimCluster, reason: str = "FailedScheduling") -> set[tuple[str, str]]:
    events = [each.object for each in cluster.all(EVENTS) if each.object["reason"] == reason]
    return {(event["involvedObject"]["name"], event["message"]) for event in events}


@pytest.mark.parametrize("point", BROKEN)
async def test_the_pod_goes_back_and_the_scheduler_lives_on(point: str) -> None:
    """Teaches: an error is no verdict; the event names the plugin, and nobody else suffers."""
    method, message = BROKEN[point]
    async with SimCluster(2, scheduler=bad(point, method)) as cluster:
        await cluster.apply(pod("unlucky"))
        await cluster.apply(pod("lucky"))
        await cluster.run_for(10)
        assert node_of(cluster, "lucky")
        assert not node_of(cluster, "unlucky")
        assert told(cluster) == {("unlucky", message)}


async def test_a_failing_normalize_is_told_apart_from_a_failing_score() -> None:
    """Teaches: the words say at which step of scoring it happened."""

    class Bad(ScorePlugin):
        name = "Bad"
        scale = Scale.OWN

        def score(self, state: CycleState, pod: PodInfo, node: Any) -> int:
            return 1

        def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
            raise ValueError("too much")

    config = SchedulerConfiguration((Profile(plugins=(*DEFAULT_PLUGINS, Registration("Bad", Bad))),))
    async with SimCluster(2, scheduler=config) as cluster:
        await cluster.apply(pod("web"))
        await cluster.run_for(3)
        message = 'running Normalize on Score plugins: plugin "Bad" failed with: ValueError("too much")'
        assert told(cluster) == {("web", message)}


async def test_a_failing_post_filter_leaves_the_verdict_as_it_is() -> None:
    """Teaches: the Pod does not fit, whoever failed to make room."""
    async with SimCluster(1, scheduler=bad("PostFilter", "post_filter")) as cluster:
        await cluster.apply(pod("unlucky", nodeSelector={"disk": "ssd"}))
        await cluster.run_for(3)
        verdict = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
        failure = 'running PostFilter plugin "Bad": ZeroDivisionError("no luck")'
        assert told(cluster) == {("unlucky", verdict + failure)}


class Bad(PostBindPlugin):
    """Fails when all is done."""

    name = "Bad"

    def post_bind(self, state: CycleState, pod: PodInfo, node: str) -> None:
        raise ZeroDivisionError("too late")


async def test_a_failing_post_bind_cannot_undo_the_binding() -> None:
    """Teaches: who is only told has no say; the event names it all the same."""
    config = SchedulerConfiguration((Profile(plugins=(*DEFAULT_PLUGINS, Registration("Bad", Bad))),))
    async with SimCluster(1, scheduler=config) as cluster:
        await cluster.apply(pod("web"))
        await cluster.run_for(3)
        assert node_of(cluster, "web")
        message = 'running PostBind plugin "Bad": ZeroDivisionError("too late")'
        assert told(cluster, "FailedPostBind") == {("web", message)}


class Patience(PermitPlugin):
    """Holds Pods back that are called so; turns down who is not wanted."""

    name = "Patience"

    def permit(self, state: CycleState, pod: PodInfo, node: str) -> tuple[Status, float]:
        if pod.name == "unwanted":
            return unschedulable("not wanted"), 0
        return (WAIT, 20) if pod.name.startswith("patient") else (SUCCESS, 0)


PATIENCE = SchedulerConfiguration((Profile(plugins=(*DEFAULT_PLUGINS, Registration("Patience", Patience))),))


@pytest.mark.cluster(nodes=1, seed=1, scheduler=PATIENCE)
async def test_permit_holds_back_lets_go_and_turns_down(cluster: SimCluster) -> None:
    """Teaches: a Pod that waits has its place already; whoever waits too long gives it back."""
    for name in ("patient-1", "patient-2", "unwanted", "quick"):
        await cluster.apply(pod(name))
    await cluster.run_for(5)
    assert node_of(cluster, "quick") == "node-1"
    (scheduler,) = [each for each in cluster._components.values() if isinstance(each, Scheduler)]
    framework = scheduler.frameworks["default-scheduler"]
    names = {waiting.pod.name: waiting for waiting in framework.waiting.values()}
    assert sorted(names) == ["patient-1", "patient-2"]
    assert names["patient-1"].pending_plugins == ["Patience"]
    names["patient-1"].allow("Patience")
    await cluster.run_for(1)
    assert (node_of(cluster, "patient-1"), node_of(cluster, "patient-2")) == ("node-1", "")
    assert told(cluster) == {("unwanted", "0/1 nodes are available: 1 not wanted.")}
    await cluster.run_for(16)
    timeout = "0/1 nodes are available: 1 rejected due to timeout after waiting 20s at plugin Patience."
    assert ("patient-2", timeout) in told(cluster)


ENTRY = """
from kubesim.scheduler.framework.interface import FilterPlugin
from kubesim.scheduler.framework.status import SUCCESS, unschedulable


class OddNodes(FilterPlugin):
    name = "OddNodes"

    def filter(self, state, pod, node):
        return SUCCESS if int(node.name[-1]) % 2 else unschedulable("node(s) were even")
"""


async def test_an_installed_package_offers_its_plugin_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: `pip install` is all that it takes; the configuration says the plugin's name."""
    (tmp_path / "odd_nodes_plugin.py").write_text(ENTRY)
    info = tmp_path / "odd_nodes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-nodes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kubesim.scheduler_plugins]\nOddNodes = odd_nodes_plugin:OddNodes\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = "{multiPoint: {enabled: [{name: OddNodes}]}}"
    head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
    config = parse_configuration(yaml.safe_load(f"{head}profiles: [{{plugins: {text}}}]"))
    async with SimCluster(3, scheduler=config) as cluster:
        for number in range(4):
            await cluster.apply(pod(f"web-{number}"))
        await cluster.run_for(5)
        assert {node_of(cluster, f"web-{number}") for number in range(4)} == {"node-1", "node-3"}
    sys.modules.pop("odd_nodes_plugin", None)
    with pytest.raises(ConfigurationError, match="there is no plugin of that name"):
        parse_configuration(yaml.safe_load(f"{head}profiles: [{{plugins: {text.replace('Odd', 'Even')}}}]"))


class Clumsy(PreFilterPlugin):
    """Its constructor takes an argument."""

    name = "Clumsy"

    def __init__(self, handle: Any, *, mood: str) -> None:
        super().__init__(handle)
        self.mood = mood

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Any) -> Any:
        return ALL_NODES, unschedulable(f"in a {self.mood} mood")


async def test_arguments_of_ones_own_plugin_are_keywords() -> None:
    """Teaches: pluginConfig serves own plugins, too."""
    row = Registration("Clumsy", partial(Clumsy, mood="bad"))
    config = SchedulerConfiguration((Profile(plugins=(*DEFAULT_PLUGINS, row)),))
    async with SimCluster(1, scheduler=config) as cluster:
        await cluster.apply(pod("web"))
        await cluster.run_for(2)
        ((_, message),) = told(cluster)
        assert message.startswith("0/1 nodes are available: in a bad mood. ")
