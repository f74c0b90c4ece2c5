"""Single writes, from a client through the store to a watcher, in process; and what a revision costs in memory."""

from __future__ import annotations

from benchmarks.measure import Figure, now, resident_megabytes
from kubesim.api.meta import with_fields
from kubesim.api.resources import LEASES, NAMESPACES, PODS, SERVICE_ACCOUNTS
from kubesim.api.wire import STRATEGIC_MERGE_PATCH
from kubesim.client.informer import Informers
from kubesim.cluster import ADMIN, SimCluster
from kubesim.sim import run

WRITES = 20_000
CREATES = 5_000
POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}


def writes() -> list[Figure]:
    """A Lease renewal and a Pod status patch, each seen by an informer, and the memory that they leave."""

    async def main() -> list[Figure]:
        async with SimCluster(0) as cluster:
            client = cluster.client_for("benchmark", ADMIN)
            informers = Informers(cluster.sim, client)
            informers.of(LEASES)
            informers.of(PODS)
            watching = cluster.sim.loop.create_task(informers.run())
            await informers.wait_synced()
            lease = await lease_writes(cluster)
            before = resident_megabytes()
            lease_bytes = await lease_writes(cluster, "node-2") and resident_megabytes() - before
            pod = await pod_writes(cluster)
            watching.cancel()
            return [
                Figure("one Lease write, client to watchers", lease, "µs", "≤", 80),
                Figure("one Pod status write, client to watchers", pod, "µs", "≤", 150),
                Figure("memory of a Lease revision", lease_bytes * 2**20 / WRITES, "bytes"),
            ]

    return run(main)


async def lease_writes(cluster: SimCluster, name: str = "node-1") -> float:
    """Microseconds of one renewal."""
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": cluster.sim.clock.micro_timestamp()}
    made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}
    stored = await cluster.client.create(LEASES, made, "kube-node-lease")
    started = now()
    for number in range(WRITES):
        renewed = with_fields(stored.object, {"renewTime": f"2024-01-13T09:00:00.{number:06d}Z"}, "spec")
        stored = await cluster.client.update(LEASES, renewed)
    return (now() - started) / WRITES * 1e6


async def pod_writes(cluster: SimCluster) -> float:
    """Microseconds of one status patch, as a kubelet sends it."""
    await cluster.kubectl.run("create namespace bench")
    await cluster.run_for(1)
    await cluster.client.create(PODS, {**POD, "metadata": {"name": "web"}}, "bench")
    count = WRITES // 4
    started = now()
    for number in range(count):
        ready = {"type": "Ready", "status": str(number % 2 == 0), "lastTransitionTime": "2024-01-13T09:00:00Z"}
        patch = {"status": {"phase": "Running", "conditions": [ready], "podIP": f"10.244.0.{number % 250}"}}
        await cluster.client.patch(PODS, "web", patch, "bench", patch_type=STRATEGIC_MERGE_PATCH, subresource="status")
    return (now() - started) / count * 1e6


def creates() -> list[Figure]:
    """Pods made one after another, each seen by an informer; no controller and no scheduler looks at them."""

    async def main() -> float:
        async with SimCluster(0, without=("scheduler", "controller-manager")) as cluster:
            await cluster.client.create(NAMESPACES, {"metadata": {"name": "bench"}})
            await cluster.client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "bench")
            informers = Informers(cluster.sim, cluster.client_for("benchmark", ADMIN))
            informers.of(PODS)
            watching = cluster.sim.loop.create_task(informers.run())
            await informers.wait_synced()
            started = now()
            for number in range(CREATES):
                made = {**POD, "metadata": {"name": f"web-{number}", "labels": {"app": "web"}}}
                await cluster.client.create(PODS, made, "bench")
            rate = CREATES / (now() - started)
            watching.cancel()
            return rate

    return [Figure("Pod creates, client to watchers", run(main), "per s", "≥", 5000)]
