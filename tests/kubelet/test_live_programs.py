"""Process 1 that asks the network: what it sees depends on when it asks."""

from __future__ import annotations

from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.cluster import SimCluster

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def pod(script: str, **spec: object) -> Object:
    container = {"name": "client", "image": "busybox", "command": ["sh", "-c", script]}
    fields: Object = {"restartPolicy": "Never", "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": fields}


def phase(cluster: SimCluster) -> str:
    stored = cluster.get(PODS, "default/client")
    assert stored is not None
    text: str = stored.object["status"]["phase"]
    return text


async def test_a_loop_sees_a_service_come(cluster: SimCluster) -> None:
    """Teaches: `kubectl logs` shows what each try found at its time."""
    script = "while true; do wget -qO /dev/null http://web && echo served; sleep 5; done"
    await cluster.apply(pod(script))
    await cluster.run_for(12)
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.apply(WEB)
    await cluster.run_for(20)
    lines = (await cluster.client.logs("client")).splitlines()
    assert lines[0] == "wget: bad address 'web'"
    assert lines[-1] == "served"
    assert phase(cluster) == "Running"


async def test_an_init_container_waits_for_a_service(cluster: SimCluster) -> None:
    """Teaches: `until nc -z db 80; do sleep 2; done`: the Pod starts when its dependency serves."""
    wait = {"name": "wait", "image": "busybox", "command": ["sh", "-c", "until nc -z web 80; do sleep 2; done"]}
    await cluster.apply(pod("sleep infinity", initContainers=[wait]))
    await cluster.run_for(30)
    assert phase(cluster) == "Pending"
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.apply(WEB)
    await cluster.run_for(15)
    assert phase(cluster) == "Running"


async def test_the_end_of_the_program_is_the_end_of_the_container(cluster: SimCluster) -> None:
    """Teaches: a job that cannot reach its Service fails with the program's exit code."""
    await cluster.apply(pod("curl -sS http://web || exit 42"))
    await cluster.run_for(15)
    stored = cluster.get(PODS, "default/client")
    assert stored is not None
    (status,) = stored.object["status"]["containerStatuses"]
    assert (phase(cluster), status["state"]["terminated"]["exitCode"]) == ("Failed", 42)
    assert await cluster.client.logs("client") == "curl: (6) Could not resolve host: web\n"


async def test_it_goes_on_without_its_kubelet(cluster: SimCluster) -> None:
    """Teaches: containers belong to the machine, not to the kubelet."""
    await cluster.kubectl.run("create deployment web --image=nginx")
    await cluster.apply(WEB)
    await cluster.run_for(10)
    await cluster.apply(pod("while true; do wget -qO /dev/null http://web && echo served; sleep 5; done"))
    await cluster.run_for(10)
    stored = cluster.get(PODS, "default/client")
    assert stored is not None
    node = stored.object["spec"]["nodeName"]
    before = (await cluster.client.logs("client")).count("served")
    cluster.faults.crash(f"kubelet/{node}")
    await cluster.run_for(20)
    cluster.faults.restart(f"kubelet/{node}")
    await cluster.run_for(5)
    assert (await cluster.client.logs("client")).count("served") - before == 5
