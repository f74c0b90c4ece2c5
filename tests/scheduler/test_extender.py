"""Extenders: callables in this process on a whole cluster, and a real HTTP server with real sockets."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kubesim.api.resources import EVENTS, PODS
from kubesim.cluster import SimCluster
from kubesim.scheduler import ConfigurationError, SchedulerConfiguration
from kubesim.scheduler.config_file import parse_configuration
from kubesim.scheduler.extender_config import ExtenderConfig, ExtenderError
from kubesim.scheduler.extender_http import send
from kubesim.sim import Simulation
from kubesim.sim.loop import SimLoop

URL = "kubesim-extender"
VERBS = {"filter_verb": "filter", "prioritize_verb": "prioritize", "weight": 1}


class Answers:
    """An extender that answers as it is told, and keeps the questions."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, verb: str, arguments: dict[str, Any]) -> Any:
        self.asked.append((verb, arguments))
        answer = self.answers[verb]
        return answer(arguments) if callable(answer) else answer


def config(call: Any, **fields: Any) -> SchedulerConfiguration:
    return SchedulerConfiguration(extenders=(ExtenderConfig(URL, call=call, **{**VERBS, **fields}),))


def pod(name: str = "web", **spec: Any) -> dict[str, Any]:
    full = {"containers": [{"name": "c", "image": "nginx"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": full}


def node_of(cluster: SimCluster, name: str = "web") -> str:
    stored = cluster.get(PODS, f"default/{name}")
    assert stored is not None
    return str(stored.object["spec"].get("nodeName", ""))


def told(cluster: SimCluster) -> list[str]:
    return [each.object["message"] for each in cluster.all(EVENTS) if each.object["reason"] == "FailedScheduling"]


def keep(*names: str) -> Any:
    def answer(arguments: dict[str, Any]) -> Any:
        items = [node for node in arguments["Nodes"]["items"] if node["metadata"]["name"] in names]
        failed = {n["metadata"]["name"]: "too far" for n in arguments["Nodes"]["items"] if n not in items}
        return {"nodes": {"items": items}, "failedNodes": failed}

    return answer


async def test_an_extender_turns_nodes_down_and_adds_points() -> None:
    """Teaches: it has its say after the filters and beside the scores; 10 of its points are 100 of a plugin's."""
    answers = Answers(filter=keep("node-2", "node-3"), prioritize=[{"Host": "node-3", "Score": 10}])
    async with SimCluster(3, scheduler=config(answers)) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(2)
        assert node_of(cluster) == "node-3"
        of_web = [(verb, args) for verb, args in answers.asked if args["Pod"]["metadata"]["name"] == "web"]
        assert [verb for verb, _ in of_web] == ["filter", "prioritize"]
        assert [len(args["Nodes"]["items"]) for _, args in of_web] == [3, 2]


async def test_nodes_may_be_given_by_name_and_the_last_word_is_the_extenders() -> None:
    """Teaches: an extender with a cache of its own needs no objects; its reasons stand in the message."""
    answers = Answers(filter={"NodeNames": [], "FailedNodes": {"node-1": "no licence", "node-2": "no licence"}})
    async with SimCluster(2, scheduler=config(answers, node_cache_capable=True, prioritize_verb="")) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(2)
        assert answers.asked[-1][1]["NodeNames"] == ["node-1", "node-2"]
        assert told(cluster)[0].startswith("0/2 nodes are available: 2 no licence. ")
        answers.answers["filter"] = {"nodenames": ["node-2"]}
        await cluster.client.merge_patch(PODS, "web", {"metadata": {"labels": {"changed": "yes"}}}, "default")
        await cluster.run_for(10)
        assert node_of(cluster) == "node-2"  # Any event wakes a Pod that an extender turned down.


async def test_an_extender_looks_only_at_pods_that_want_its_resources() -> None:
    """Teaches: managedResources spares it all other Pods."""
    answers = Answers(filter=keep("node-1"))
    scheduler = config(answers, managed_resources=("example.com/gpu",))
    async with SimCluster(2, scheduler=scheduler) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(2)
        assert node_of(cluster)
        assert not answers.asked


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("nonsense", f'extender "{URL}" gave a malformed answer: it is no object'),
        ({"nodenames": 3}, f'extender "{URL}" gave a malformed answer: nodenames is 3'),
        ({"nodenames": ["nowhere"]},
         f'extender "{URL}" claims a filtered node "nowhere" which is not found in the input node list'),
        ({"error": "database is down"}, "database is down"),
        (lambda _: [][1], f"extender \"{URL}\" failed to filter: IndexError('list index out of range')"),
    ],
)  # fmt: skip
async def test_an_extender_that_fails_sends_the_pod_back(answer: Any, message: str) -> None:
    """Teaches: a malformed answer is no verdict; the Pod is tried again, the scheduler lives on."""
    answers = Answers(filter=answer)
    async with SimCluster(1, scheduler=config(answers, node_cache_capable=True)) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(2)
        assert set(told(cluster)) == {message}
        assert node_of(cluster) == ""
        answers.answers["filter"] = {"nodenames": ["node-1"]}
        await cluster.run_for(10)
        assert node_of(cluster) == "node-1"


async def test_an_ignorable_extender_is_passed_over() -> None:
    """Teaches: ignorable means that scheduling goes on without it."""
    async with SimCluster(1, scheduler=config(Answers(filter="nonsense"), ignorable=True)) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(2)
        assert node_of(cluster) == "node-1"


async def test_an_extender_may_bind() -> None:
    """Teaches: then the plugins are not asked to; a refusal puts the Pod back."""
    answers = Answers(bind={"error": "not now"})
    scheduler = config(answers, filter_verb="", prioritize_verb="", bind_verb="bind")
    async with SimCluster(1, scheduler=scheduler) as cluster:
        await cluster.apply(pod())
        await cluster.run_for(0.5)
        (uid,) = [each.uid for each in cluster.all(PODS) if each.name == "web"]
        asked = {"PodName": "web", "PodNamespace": "default", "PodUID": uid, "Node": "node-1"}
        assert answers.asked[-1] == ("bind", asked)
        assert (node_of(cluster), told(cluster)) == ("", ["not now"])

        async def bind(arguments: dict[str, Any]) -> dict[str, Any]:
            name, namespace = arguments["PodName"], arguments["PodNamespace"]
            await cluster.client.bind(namespace, name, arguments["PodUID"], arguments["Node"])
            return {}

        answers.answers["bind"] = bind
        await cluster.run_for(5)
        assert node_of(cluster) == "node-1"


async def test_an_extender_may_veto_victims() -> None:
    """Teaches: preemption asks it which nodes may be cleared."""

    def spare_node_1(arguments: dict[str, Any]) -> dict[str, Any]:
        victims = arguments["NodeNameToVictims"]
        return {"NodeNameToMetaVictims": {
            node: {"Pods": [{"UID": each["metadata"]["uid"]} for each in said["Pods"]]}
            for node, said in victims.items() if node != "node-1"
        }}  # fmt: skip

    answers = Answers(preempt=spare_node_1)
    scheduler = config(answers, filter_verb="", prioritize_verb="", preempt_verb="preempt")
    async with SimCluster(2, scheduler=scheduler) as cluster:
        big = [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1500m"}}}]
        for name in ("old-1", "old-2"):
            await cluster.apply(pod(name, containers=big))
        await cluster.run_for(5)
        spared = next(name for name in ("old-1", "old-2") if node_of(cluster, name) == "node-1")
        await cluster.apply(pod("urgent", containers=big, priorityClassName="system-node-critical"))
        await cluster.run_for(60)
        assert node_of(cluster, "urgent") == "node-2"
        assert cluster.get(PODS, f"default/{spared}") is not None


HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


@pytest.mark.parametrize(
    ("extenders", "problem"),
    [
        ([{"urlPrefix": "http://x", "prioritizeVerb": "p", "weight": -1}],
         "extenders[0].weight: Invalid value: -1: must have a positive weight applied to it"),
        ([{"urlPrefix": "http://x", "bindVerb": "b"}] * 2,
         'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind'),
        ([{"urlPrefix": "http://x", "managedResources": [{"name": "cpu"}]}],
         'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name'),
        ([{"urlPrefix": "http://x", "managedResources": [{"name": "a.b/c"}, {"name": "a.b/c"}]}],
         'extenders[0].managedResources[1].name: Invalid value: "a.b/c": duplicate extender managed resource name'),
        ([{"urlPrefix": "nowhere"}], 'extenders[0].urlPrefix: Invalid value: "nowhere": '
         "must be a URL, or the place of a callable such as file.py:function"),
        ([{"urlPrefix": "none.py:f"}],
         'extenders[0].urlPrefix: Invalid value: "none.py:f": the extender cannot be loaded'),
        ([{"filterVerb": "f"}], "extenders[0].urlPrefix: Required value"),
        ([{"urlPrefix": "http://x", "verb": "f"}], 'strict decoding error: unknown field "extenders[0].verb"'),
    ],
)  # fmt: skip
def test_wrong_extenders_are_refused(extenders: list[dict[str, Any]], problem: str) -> None:
    """Teaches: what is wrong is said at start, with its path."""
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration({**HEAD, "extenders": extenders})
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith(problem)


def test_an_extender_is_read_with_its_defaults(tmp_path: Path) -> None:
    """Teaches: a resource that the extender looks after alone is not counted by NodeResourcesFit."""
    (tmp_path / "own.py").write_text("def call(verb, arguments):\n    return {}\n")
    managed = [{"name": "example.com/gpu", "ignoredByScheduler": True}]
    read = parse_configuration(
        {**HEAD, "extenders": [
            {"urlPrefix": "own.py:call", "filterVerb": "f", "managedResources": managed},
            {"urlPrefix": "https://x/", "enableHTTPS": True, "httpTimeout": "100ms", "nodeCacheCapable": True},
        ]}, tmp_path,
    )  # fmt: skip
    own, outside = read.extenders
    assert own.call is not None
    assert (own.timeout_seconds, outside.timeout_seconds) == (5.0, 0.1)
    fit = next(row for row in read.profiles[0].plugins if row.name == "NodeResourcesFit")
    assert fit.make.keywords == {"ignored_resources": ("example.com/gpu",)}  # type: ignore[attr-defined]


async def test_http_needs_time_that_passes_in_the_world(sim: Simulation) -> None:
    """Teaches: a virtual run waits for no socket."""
    with pytest.raises(ExtenderError, match=r'Post "http://127.0.0.1:1/filter": no socket answers in virtual time'):
        await send(ExtenderConfig("http://127.0.0.1:1/"), "filter", {})


async def test_real_http(sim: Simulation) -> None:
    """Teaches: what is asked, and how failures of the network are told; time-outs are real seconds."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        match request.match_info["verb"]:
            case "filter":
                return web.json_response({"asked": asked, "type": request.content_type})
            case "slow":
                await waits.wait()
            case "broken":
                return web.Response(status=500)
        return web.Response(text="nonsense")

    waits = asyncio.Event()
    app = web.Application()
    app.router.add_post("/prefix/{verb}", answer)
    loop.pace(1000.0)
    runner = web.AppRunner(app)
    await runner.setup()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        prefix = f"http://127.0.0.1:{port}/prefix"
        there = ExtenderConfig(f"{prefix}/", timeout_seconds=30)
        assert await send(there, "filter", {"Pod": 1}) == {"asked": {"Pod": 1}, "type": "application/json"}
        with pytest.raises(ExtenderError, match=f"^failed broken with extender at URL {prefix}/broken, code 500$"):
            await send(there, "broken", {})
        with pytest.raises(ExtenderError, match=f'^extender "{prefix}/" gave a malformed answer to odd: '):
            await send(there, "odd", {})
        late = ExtenderConfig(prefix, timeout_seconds=0.05)
        words = f'^Post "{prefix}/slow": context deadline exceeded .Client.Timeout exceeded while awaiting headers.$'
        with pytest.raises(ExtenderError, match=words):
            await send(late, "slow", {})
        nobody = ExtenderConfig(f"http://127.0.0.1:{closed}", timeout_seconds=30)
        with pytest.raises(ExtenderError, match=f"dial tcp 127.0.0.1:{closed}: connect: connection refused$"):
            await send(nobody, "filter", {})
    finally:
        waits.set()
        await runner.cleanup()
        loop.virtual()
