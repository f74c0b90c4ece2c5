"""Whole runs on a cluster behind HTTP, in this process: what is done, undone, refused and said."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import NAMESPACES, NODES, PODS, PRIORITY_CLASSES
from kubesim.api.wire import ClientCertificate
from kubesim.apiserver.http import HttpFront
from kubesim.client.client import Client
from kubesim.client.http import HttpTransport
from kubesim.client.kubeconfig import Access
from kubesim.cluster import ADMIN, SimCluster
from kubesim.realcluster import session as session_module
from kubesim.realcluster.attaching import attach
from kubesim.realcluster.drafting import draft
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.journal import NodeBefore, Undo
from kubesim.realcluster.planning import Plan
from kubesim.realcluster.safety import OWNER_ANNOTATION, RUN_LABEL, UNDO_ANNOTATION
from kubesim.realcluster.session import Options, Session
from kubesim.recording import decode_lines
from kubesim.scenario import Loaded, load_scenario
from kubesim.sim import Simulation, run

SPEED = 20.0
SCENARIO = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata: {name: mine}
spec:
  title: Mine
  until: 20s
  replayable: true
  cluster: {nodes: 2}
  steps:
    - {at: 1s, kubectl: [apply -f pod.yaml, cordon node-1]}
    - {at: 8s, fault: {crash: node-2}}
  expect:
    - eventually: {get: pod/hello, where: {status.phase: Running}}
      say: the Pod runs
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: hello}
spec: {containers: [{name: c, image: busybox, command: [sleep, "99"]}]}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 5
"""


class Playground:
    """A cluster that is served over HTTP, and a file in which an `exec` driver writes."""

    def __init__(self, cluster: SimCluster, front: HttpFront, access: Access, folder: Path) -> None:
        self.cluster = cluster
        self.front = front
        self.access = access
        self.log = folder / "driver.log"
        self.told: list[str] = []
        self.folder = folder
        driver = folder / "driver.yaml"
        lines = [f"  {verb}: sh -c 'echo {verb} {{node}} >> {self.log}'" for verb in ("crash", "restart")]
        driver.write_text("\n".join(["node:", *lines]) + "\n")
        self.options = Options(driver=f"exec:{driver}", allow_disruption=True)

    def session(self, **changes: Any) -> Session:
        options = msgspec.structs.replace(self.options, **changes)
        made = Session(Simulation(3), self.access, options, self.told.append)
        made._transport.patience = SPEED  # What `adopt` does for a cluster of `kubesim start`.
        return made

    def scenario(self, text: str = SCENARIO) -> Loaded:
        (self.folder / "scenario.yaml").write_text(text)
        (self.folder / "pod.yaml").write_text(POD)
        return load_scenario(self.folder / "scenario.yaml")

    async def play(self, **changes: Any) -> list[dict[str, Any]]:
        """A run of the scenario; its recording."""
        loaded, recording = self.scenario(), io.BytesIO()
        async with self.session(**changes) as session:
            plan = await session.plan(loaded)
            await session.check(plan)
            result = await session.play(loaded, plan, lambda _: None, trace_to=recording)
        assert result.ok
        return list(decode_lines(recording.getvalue().splitlines()))

    async def is_clean(self) -> bool:
        """Whether nothing is left of any run."""
        client = self.cluster.client
        names = [item.name for item in (await client.list(NAMESPACES)).items]
        nodes = [node.object["spec"].get("unschedulable") for node in (await client.list(NODES)).items]
        try:
            await client.get(PRIORITY_CLASSES, "high")
        except NotFoundError:
            return not any(name.startswith("kubesim-") for name in names) and not any(nodes)
        return False


@asynccontextmanager
async def playground(folder: Path, credential: ClientCertificate = ADMIN) -> AsyncIterator[Playground]:
    async with SimCluster(nodes=2, seed=7, writes_policy=True) as cluster:
        cluster.sim.loop.pace(SPEED)
        assert cluster.apiserver is not None
        front = HttpFront(cluster.apiserver, credentials=lambda _: credential)
        access = Access("kind-test", "c", "jane", f"http://127.0.0.1:{await front.start()}")
        try:
            yield Playground(cluster, front, access, folder)
        finally:
            await front.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Looks once a second of the cluster's."""
    while True:
        if holds():
            return
        await asyncio.sleep(1)


def play(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(main)


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """Teaches: a namespace of its own, nodes as they were, machines on again, cluster-scoped objects gone."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            lines = await here.play()
            assert await here.is_clean()
            assert here.log.read_text().splitlines() == ["crash node-2", "restart node-2"]
            pods = [line for line in lines if line.get("kind") == "Pod"]
            assert {(line["namespace"], line["name"]) for line in pods} == {("default", "hello")}
            assert [line["n"] for line in lines if "step" in line] == [0, 1]
            assert lines[-1]["end"]
            assert [text for text in here.told if "node-1" in text] == ["clean up: node node-1 becomes what it was"]

    play(main)


def test_an_interrupted_run_cleans_up_as_well(tmp_path: Path) -> None:
    """Teaches: Ctrl-C in the middle of a run."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            running = asyncio.ensure_future(here.play())
            await until(here.log.exists)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await here.is_clean()
            assert here.log.read_text().splitlines() == ["crash node-2", "restart node-2"]

    play(main)


def test_what_a_killed_run_has_left_is_found_and_removed_by_the_next(tmp_path: Path) -> None:
    """Teaches: the journal lies in the cluster, so whoever comes next can read it."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            undo = Undo(operations=[("node", "crash", "node-2")], nodes={"node-1": NodeBefore()})
            annotations = {OWNER_ANNOTATION: f"{socket.gethostname()}/2147483646"}
            annotations[UNDO_ANNOTATION] = msgspec.json.encode(undo).decode()
            metadata = {"name": "kubesim-old", "labels": {RUN_LABEL: "old"}, "annotations": annotations}
            client = here.cluster.client
            await client.create(NAMESPACES, {"metadata": metadata, "apiVersion": "v1", "kind": "Namespace"})
            await client.merge_patch(NODES, "node-1", {"spec": {"unschedulable": True}})
            async with here.session() as session:
                assert await session.clean_leftovers() == []
            assert await here.is_clean()
            assert here.log.read_text() == "restart node-2\n"
            assert here.told[0] == "an earlier run has left the namespace kubesim-old behind"

    play(main)


def test_what_must_not_be_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """Teaches: disruption is allowed explicitly; what a driver cannot do is said with its step."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            with pytest.raises(RealClusterError, match=r"--allow-disruption: step 0 \(at 1s\): kubectl apply"):
                await here.play(allow_disruption=False)
            words = r"step 1 \(at 8s\): crash node-2: the driver none cannot do that \(--skip-impossible"
            with pytest.raises(RealClusterError, match=words):
                await here.play(driver="none")
            assert await here.is_clean()
            assert not here.told
            await here.play(driver="none", skip_impossible=True)
            assert "left out: crash node-2" in here.told

    play(main)


IMPOSSIBLE = """\
    - {at: 1s, kubectl: run a --image=busybox -n other}
    - {at: 2s, kubectl: create namespace b}
    - {at: 3s, kubectl: delete pods --all -A}
    - {at: 4s, kubectl: apply -f elsewhere.yaml}
    - {at: 5s, fault: {crash: scheduler}}
    - {at: 6s, fault: {slow: [node-1, control-plane], latency: 1s}}
    - {at: 7s, registry: {down: docker.io}}
"""


def test_a_plan_names_every_step_that_cannot_be_taken(tmp_path: Path) -> None:
    """Teaches: a run keeps to its namespace and to what can be done to real machines."""
    head, _, rest = SCENARIO.partition("    - {at: 1s")
    text = head + IMPOSSIBLE + "  expect" + rest.partition("  expect")[2]
    (tmp_path / "elsewhere.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}")

    async def main() -> None:
        async with playground(tmp_path) as here, here.session() as session:
            plan = await session.plan(here.scenario(text))
            reasons = [why.partition(": ")[2] for why in plan.impossible]
            assert len(reasons) == 7, reasons
            assert [step.number for step in plan.steps if step.impossible] == list(range(7))
            assert reasons[4] == "the fault crash of scheduler cannot be made on a real cluster"

    play(main)


def test_missing_permissions_are_named_all_at_once(tmp_path: Path) -> None:
    """Teaches: SelfSubjectAccessReview; nothing was done when the answer is no."""
    nobody = ClientCertificate("jane", ("developers",))

    async def main() -> None:
        async with playground(tmp_path, nobody) as here:
            with pytest.raises(
                RealClusterError, match=r'nodes of the cluster cannot be read: .* User "jane" cannot list'
            ):
                await here.play()
            async with here.session() as session:
                with pytest.raises(RealClusterError, match=r'^user "jane" of context "kind-test" may not create names'):
                    await session.check(Plan([], {}, []))
            with pytest.raises(RealClusterError, match="may not list nodes, watch nodes, list pods"):
                await attach(
                    Simulation(1), here.access, "default", here.told.append, here.cluster.sim.loop.create_future(),
                    seconds=1, any_version=False,
                )  # fmt: skip

    play(main)


def test_a_cluster_that_disappears_in_the_middle_is_given_up_and_the_commands_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: what cannot be undone now is undone later, by hand or by the next run."""
    monkeypatch.setattr(session_module, "LOST_SECONDS_MAX", 0.2)

    async def main() -> None:
        async with playground(tmp_path) as here:
            running = asyncio.ensure_future(here.play())
            await until(here.log.exists)
            await here.front.stop()
            with pytest.raises(RealClusterError, match=r"has not answered for 0.2 s: the run is given up"):
                await running
            namespace = next(
                item.name for item in (await here.cluster.client.list(NAMESPACES)).items if "kubesim-" in item.name
            )
            at = next(place for place, text in enumerate(here.told) if text.startswith("not everything could be"))
            assert here.told[at + 1 :] == [
                f"  sh -c 'echo restart node-2 >> {here.log}'",
                "  kubectl --context kind-test uncordon node-1",
                "  kubectl --context kind-test delete priorityclasses high",
                f"  kubectl --context kind-test delete namespace {namespace}",
                "or: kubesim replay --clean-up --context kind-test",
            ]

    play(main)


def test_a_namespace_is_recorded_without_being_touched_and_becomes_a_draft(tmp_path: Path) -> None:
    """Teaches: whatever somebody types is seen, as a scenario would say it."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            kubectl = here.cluster.kubectl
            await kubectl.run("create namespace shop")
            ending = here.cluster.sim.loop.create_future()
            recording = asyncio.ensure_future(
                attach(Simulation(1), here.access, "shop", here.told.append, ending, seconds=None, any_version=False)
            )
            await until(lambda: bool(here.told))
            await kubectl.run("create deployment web --image=nginx -n shop")
            await asyncio.sleep(10)
            await kubectl.run("scale deployment/web --replicas=3 -n shop")
            await asyncio.sleep(20)
            ending.set_result(None)
            steps = draft("shop", (await recording).lines).scenario["spec"]["steps"]
            assert [step["kubectl"] for step in steps] == [
                "apply -f manifests/01-deployment-web.yaml",
                "scale deployment/web --replicas=3",
            ]
            with pytest.raises(RealClusterError, match='namespaces "nowhere" not found'):
                await attach(Simulation(1), here.access, "nowhere", print, ending, seconds=1, any_version=False)

    play(main)


def test_a_context_that_is_not_for_playing_never_gets_that_far(tmp_path: Path) -> None:
    """Teaches: safety first."""

    async def main() -> None:
        access = Access("production", "c", "u", "https://127.0.0.1:1")
        with pytest.raises(RealClusterError, match="--allow-context production"):
            Session(Simulation(1), access, Options(), print)

    play(main)


def test_logs_and_exec_reach_a_container_over_http(tmp_path: Path) -> None:
    """Teaches: a log is a stream of bytes, exec is a WebSocket with a byte for the channel."""

    async def main() -> None:
        async with playground(tmp_path) as here:
            await here.cluster.kubectl.run("run web --image=nginx")
            await here.cluster.run_until(lambda: is_running(here.cluster, "web"), timeout_seconds=60)
            transport = HttpTransport(here.access)
            transport.patience = SPEED
            client = Client(transport, "tester")
            assert "nginx" in await client.logs("web")
            done = await client.execute("web", ["sh", "-c", "cat; echo oops >&2; exit 3"], stdin="hello\n")
            assert (done.stdout, done.stderr, done.code) == ("hello\n", "oops\n", 3)
            with pytest.raises(NotFoundError, match='pods "nobody" not found'):
                await client.execute("nobody", ["true"])
            with pytest.raises(NotFoundError, match='pods "nobody" not found'):
                await client.logs("nobody")
            await transport.close()

    play(main)


def is_running(cluster: SimCluster, name: str) -> bool:
    pod = cluster.get(PODS, f"default/{name}")
    return pod is not None and pod.object["status"]["phase"] == "Running"
