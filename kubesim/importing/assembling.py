"""From the objects of a cluster to what must be created, in which order, so that the same cluster comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from kubesim.api.meta import controller_of
from kubesim.api.stored import Object
from kubesim.importing.cleaning import cleaned
from kubesim.importing.errors import ImportingError
from kubesim.importing.kinds import KINDS, MADE_ANEW, STAGES, SYSTEM_NAMESPACES, resource_of
from kubesim.importing.machines import is_ready, machine
from kubesim.importing.references import secrets_of

ADOPTABLE = {"ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"}
ENDED = ("Succeeded", "Failed")
MADE_BY_CONTROLLERS = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("Service", "kubernetes")}
Key = tuple[str, str, str]


class World(msgspec.Struct, frozen=True):
    """A cluster to be simulated: machines as scenario files have them, objects by stage, and what was left out."""

    nodes: tuple[dict[str, Any], ...]
    cordoned: tuple[str, ...]
    stages: dict[str, list[Object]]
    notes: tuple[str, ...]


def assemble(objects: Sequence[Object]) -> World:
    """The world of these objects; ImportingError if there is no node among them."""
    for obj in objects:
        check_form(obj)
    by_key: dict[Key, Object] = {key_of(obj): obj for obj in objects}
    nodes = [by_key[key] for key in sorted(by_key) if key[0] == "Node"]
    if not nodes:
        raise ImportingError("there is no Node among these objects; add `kubectl get nodes -o yaml`")
    left_out: Counter[str] = Counter()
    taken = [obj for key, obj in sorted(by_key.items()) if key[0] != "Node" and is_taken(obj, by_key, left_out)]
    made = [cleaned(obj) for obj in taken if obj["kind"] != "Secret"]
    made += missing_sets(taken)
    made += secret_placeholders(made)
    made += missing_namespaces(made)
    stages: dict[str, list[Object]] = {}
    for file, kinds in STAGES.items():
        found = [obj for kind in kinds for obj in sorted(made, key=key_of) if obj["kind"] == kind]
        if found:
            stages[file] = found
    notes = [f"left out: {number} {what}" for what, number in sorted(left_out.items())]
    notes += [
        f"{node['metadata']['name']} was not ready; it is imported as a machine that runs"
        for node in nodes
        if not is_ready(node)
    ]
    cordoned = [node["metadata"]["name"] for node in nodes if (node.get("spec") or {}).get("unschedulable")]
    return World(tuple(map(machine, nodes)), tuple(cordoned), stages, tuple(notes))


def check_form(obj: Object) -> None:
    """ImportingError if an object is not built as Kubernetes has it, so that nothing could be made of it."""
    try:
        controller_of(obj)
        secrets_of([cleaned(obj)])
        for part in ("spec", "status"):
            (obj.get(part) or {}).get("conditions")
        if obj["kind"] == "Node":
            machine(obj)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        about = "/".join(filter(None, key_of(obj)))
        raise ImportingError(f"{about} is not as Kubernetes has it ({type(error).__name__}: {error})") from None


def key_of(obj: Object) -> Key:
    """Kind, namespace, name."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    row = resource_of(obj["kind"])
    if row is not None and row.namespaced:
        namespace = namespace or "default"
    return obj["kind"], namespace, metadata["name"]


def is_taken(obj: Object, by_key: dict[Key, Object], left_out: Counter[str]) -> bool:
    """Whether it is created; what is not is counted, unless the control plane makes it itself."""
    kind, namespace, name = key_of(obj)
    metadata = obj["metadata"]
    if kind in MADE_ANEW or (kind, name) in MADE_BY_CONTROLLERS or name.startswith("system-"):
        return False
    if kind == "Namespace":
        return name not in SYSTEM_NAMESPACES
    if kind not in KINDS:
        left_out[f"{kind} (a kind that is not taken over)"] += 1
        return False
    if kind == "ConfigMap" and namespace in SYSTEM_NAMESPACES - {"default"}:
        return any(mentions(other, name) for other in by_key.values() if key_of(other)[1] == namespace)
    if metadata.get("deletionTimestamp"):
        left_out[f"{kind} (it was being deleted)"] += 1
        return False
    why = {"Pod": pod_stays_away, "Job": job_stays_away, "ReplicaSet": set_stays_away}.get(kind)
    reason = why(obj) if why is not None else ""
    if reason:
        left_out[reason] += 1
    return not reason


def mentions(obj: Object, config_map: str) -> bool:
    """Whether Pods of an object use that ConfigMap."""
    return obj["kind"] in ("Pod", "DaemonSet", "Deployment") and f"'{config_map}'" in str(obj.get("spec"))


def pod_stays_away(pod: Object) -> str:
    """Why a Pod is not created; "" if it is."""
    if (pod.get("status") or {}).get("phase") in ENDED:
        return "Pod (it had ended)"
    owner = controller_of(pod)
    if owner is not None and owner["kind"] == "Job":
        return "Pod of a Job (the Job makes a new one)"
    return ""


def job_stays_away(job: Object) -> str:
    """Why a Job is not created."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    if any(each.get("type") in ("Complete", "Failed") and each.get("status") == "True" for each in conditions):
        return "Job (it had ended)"
    owner = controller_of(job)
    return "Job of a CronJob (it makes a new one at its time)" if owner and owner["kind"] == "CronJob" else ""


def set_stays_away(replica_set: Object) -> str:
    """Old sets of a Deployment hold its history and nothing that runs."""
    replicas = (replica_set.get("spec") or {}).get("replicas", 1)
    return "ReplicaSet (an old one, of no Pods)" if not replicas and controller_of(replica_set) else ""


def missing_sets(taken: Sequence[Object]) -> list[Object]:
    """ReplicaSets that Pods name as their owners and the input does not hold, made from their Deployments."""
    known = {key_of(obj) for obj in taken}
    made: dict[Key, Object] = {}
    for pod in taken:
        owner = controller_of(pod) if pod["kind"] == "Pod" else None
        if owner is None or owner["kind"] != "ReplicaSet":
            continue
        namespace = key_of(pod)[1]
        name, hash_ = owner["name"].rpartition("-")[::2]
        key = ("ReplicaSet", namespace, owner["name"])
        deployment = next((obj for obj in taken if key_of(obj) == ("Deployment", namespace, name)), None)
        if key not in known and key not in made and deployment is not None:
            made[key] = set_of(deployment, hash_, namespace)
    return list(made.values())


def set_of(deployment: Object, hash_: str, namespace: str) -> Object:
    """The ReplicaSet of a Deployment's present template."""
    spec, labels = deployment["spec"], {"pod-template-hash": hash_}
    template = spec["template"]
    metadata = template.get("metadata") or {}
    own = {**(metadata.get("labels") or {}), **labels}
    selector = spec["selector"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": f"{deployment['metadata']['name']}-{hash_}", "namespace": namespace, "labels": own},
        "spec": {
            "replicas": spec.get("replicas", 1),
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **labels}},
            "template": {**template, "metadata": {**metadata, "labels": own}},
        },
    }


def secret_placeholders(made: Sequence[Object]) -> list[Object]:
    """A Secret for each that is referred to, with the keys that are, and nothing in them."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "Opaque",
            "stringData": dict.fromkeys(sorted(keys), ""),
        }
        for (namespace, name), keys in sorted(secrets_of(list(made)).items())
        if name
    ]


def missing_namespaces(made: Sequence[Object]) -> list[Object]:
    """Namespaces that objects are in and the input does not hold."""
    there = {obj["metadata"]["name"] for obj in made if obj["kind"] == "Namespace"} | SYSTEM_NAMESPACES
    wanted = {key_of(obj)[1] for obj in made} - there - {""}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(wanted)]
