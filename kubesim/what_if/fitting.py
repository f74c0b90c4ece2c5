"""How many more fit: instances of a Pod are created until one cannot be placed, as cluster-capacity does it.

The scheduler of the copy decides, with quotas and limits in force; nobody is pushed out for a new one, whatever its
priority. Upstream: sigs.k8s.io/cluster-capacity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from kubesim.api.errors import ApiError
from kubesim.api.resources import NAMESPACES, PODS, PRIORITY_CLASSES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.client.kubectl.command import KubectlError
from kubesim.cluster import SimCluster
from kubesim.importing.kinds import resource_of
from kubesim.recording import condition
from kubesim.what_if.answer import Capacity
from kubesim.what_if.errors import WhatIfError

INSTANCES_MAX = 20_000
BATCH = 50
BATCH_SECONDS = 600.0
LABEL = "kubesim.dev/what-if"
USER_PRIORITY_MAX = 1_000_000_000  # Higher ones are the system's.
DECIDED_HERE = ("nodeName", "priority", "priorityClassName", "preemptionPolicy")


class Wanted(msgspec.Struct, frozen=True):
    """A Pod to be placed, from a Pod or from a workload's template."""

    what: str  # `Deployment/web`
    namespace: str
    template: dict[str, Any]
    replicas: int


async def fit(cluster: SimCluster, objects: Sequence[Object], replicas: int | None, *, as_many: bool) -> list[Capacity]:
    """How many of each Pod or workload among `objects` fit, one after the other; what else is there is created."""
    wanted = [each for each in map(wanted_of, objects) if each is not None]
    if not wanted:
        raise WhatIfError("the file holds nothing that could be placed: no Pod, and nothing with a template of one")
    try:
        for obj in objects:
            if wanted_of(obj) is None:
                await cluster.apply(obj)
        for number, each in enumerate(wanted, 1):
            await have_namespace(cluster, each.namespace)
            await cluster.client.create(PRIORITY_CLASSES, await meek_class(cluster, each, number))
    except (ApiError, KubectlError) as error:
        raise WhatIfError(str(error)) from None
    return [
        await place(cluster, each, number, None if as_many else replicas or each.replicas)
        for number, each in enumerate(wanted, 1)
    ]


async def meek_class(cluster: SimCluster, wanted: Wanted, number: int) -> Object:
    """A priority as high as the Pod's own that pushes nobody out."""
    name, own = wanted.template["spec"].get("priorityClassName", ""), 0
    if name:
        own = (await cluster.client.get(PRIORITY_CLASSES, name)).object["value"]
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": f"what-if-{number}"},
        "value": min(own, USER_PRIORITY_MAX),
        "preemptionPolicy": "Never",
    }


def wanted_of(obj: Object) -> Wanted | None:
    """What of an object is to be placed; None if it is no workload."""
    spec, metadata = obj.get("spec") or {}, obj["metadata"]
    if not isinstance(spec, dict):
        raise WhatIfError(f"{obj['kind']}/{metadata['name']}: `spec` must be a map")
    template = {"metadata": metadata, "spec": spec} if obj["kind"] == "Pod" else spec.get("template")
    if obj["kind"] == "CronJob":
        template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict) or resource_of(obj["kind"]) is None:
        return None
    replicas = spec.get("replicas", spec.get("parallelism", 1))
    what, namespace = f"{obj['kind']}/{metadata['name']}", metadata.get("namespace", "default")
    return Wanted(what, namespace, template, replicas if isinstance(replicas, int) else 1)


async def have_namespace(cluster: SimCluster, name: str) -> None:
    """Creates a namespace that is not there, and waits for its account."""
    if cluster.get(NAMESPACES, name) is None:
        await cluster.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await cluster.run_until(
        lambda: cluster.get(SERVICE_ACCOUNTS, f"{name}/default") is not None, what="the namespace's account"
    )


async def place(cluster: SimCluster, wanted: Wanted, number: int, replicas: int | None) -> Capacity:
    """Creates instances in batches until one does not fit, or there are enough."""
    most, made, limit = replicas or INSTANCES_MAX, 0, ""
    while made < most and not limit:
        batch = range(made, min(made + BATCH, most))
        made = batch.stop
        for instance in batch:
            try:
                await cluster.client.create(PODS, instance_of(wanted, number, instance), wanted.namespace)
            except ApiError as error:
                limit = error.message
                break
        await cluster.run_until(
            lambda: all(map(is_decided, instances(cluster, number))), timeout_seconds=BATCH_SECONDS,
            what="the scheduler to decide",
        )  # fmt: skip
        unplaced = [pod for pod in instances(cluster, number) if not (pod.get("spec") or {}).get("nodeName")]
        limit = limit or next((str(condition(pod, "PodScheduled").get("message", "")) for pod in unplaced), "")
    placed = Counter(
        pod["spec"]["nodeName"] for pod in instances(cluster, number) if (pod.get("spec") or {}).get("nodeName")
    )
    return Capacity(wanted.what, replicas, placed.total(), dict(sorted(placed.items())), limit)


def instances(cluster: SimCluster, number: int) -> list[Object]:
    """Those that were created so far."""
    cluster.observer.flush()
    return [
        pod.object
        for pod in cluster.all(PODS)
        if (pod.object["metadata"].get("annotations") or {}).get(LABEL) == str(number)
    ]


def is_decided(pod: Object) -> bool:
    """Whether the scheduler has spoken."""
    return bool((pod.get("spec") or {}).get("nodeName")) or condition(pod, "PodScheduled").get("status") == "False"


def instance_of(wanted: Wanted, number: int, instance: int) -> Object:
    """One more of it. It carries a mark that selectors do not see."""
    metadata = wanted.template.get("metadata") or {}
    kept = {key: value for key, value in wanted.template["spec"].items() if key not in DECIDED_HERE}
    annotations = {**(metadata.get("annotations") or {}), LABEL: str(number)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"what-if-{number}-{instance + 1}",
            "namespace": wanted.namespace,
            "labels": metadata.get("labels") or {},
            "annotations": annotations,
        },
        "spec": {**kept, "priorityClassName": f"what-if-{number}"},
    }
