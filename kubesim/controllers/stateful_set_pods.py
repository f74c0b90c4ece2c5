"""The identity of a StatefulSet's Pods: their names, labels and claims. Pure.

Pod NUMBER of set NAME is NAME-NUMBER and its claims are TEMPLATE-NAME-NUMBER, for as long as the set lives: a Pod that
comes again finds the storage of its predecessor.
Upstream: pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubesim.api.meta import owner_reference, with_fields
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Pod
from kubesim.controllers.pods import is_ready, seconds_until_available

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
REVISION_LABEL = "controller-revision-hash"
POD_NAME = re.compile("(.*)-([0-9]+)", re.DOTALL)


def ordinal_of(name: str) -> int:
    """The number at the end of a Pod's name, -1 without one."""
    match = POD_NAME.fullmatch(name)
    return int(match[2]) if match else -1


def is_member(set_name: str, pod: Stored) -> bool:
    """Whether a Pod is named like one of the set's."""
    match = POD_NAME.fullmatch(pod.name)
    return match is not None and match[1] == set_name


def ordinals(spec: Object) -> range:
    """The numbers that the set wants."""
    start = (spec.get("ordinals") or {}).get("start", 0)
    return range(start, start + spec.get("replicas", 1))


def new_pod(owner: Object, template: Object, revision: str, ordinal: int) -> Object:
    """The Pod of a number, from a template."""
    described = template.get("metadata") or {}
    name = f"{owner['metadata']['name']}-{ordinal}"
    metadata: dict[str, Any] = {"name": name, "generateName": f"{owner['metadata']['name']}-"}
    metadata["namespace"] = owner["metadata"]["namespace"]
    labels = {**(described.get("labels") or {}), REVISION_LABEL: revision}
    metadata["labels"] = labels | identity_labels(name)
    for field in ("annotations", "finalizers"):
        if described.get(field):
            metadata[field] = described[field]
    metadata["ownerReferences"] = [owner_reference(owner)]
    spec = {**template["spec"], "hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
    if not spec["subdomain"]:
        del spec["subdomain"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return with_storage(owner, pod)


def identity_labels(name: str) -> dict[str, str]:
    """The labels that say who a Pod is."""
    return {POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal_of(name))}


def claims_of(owner: Object, pod_name: str) -> dict[str, Object]:
    """The claims of a Pod by the name of their volume."""
    metadata, spec = owner["metadata"], owner["spec"]
    ordinal = ordinal_of(pod_name)
    claims = {}
    for template in spec.get("volumeClaimTemplates") or ():
        described = template.get("metadata") or {}
        volume = described.get("name", "")
        labels = {**(described.get("labels") or {}), **(spec["selector"].get("matchLabels") or {})}
        made: dict[str, Any] = {"name": f"{volume}-{metadata['name']}-{ordinal}", "namespace": metadata["namespace"]}
        if labels:
            made["labels"] = labels
        if described.get("annotations"):
            made["annotations"] = described["annotations"]
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": made,
            "spec": template.get("spec", {}),
        }
        claims[volume] = claim
    return claims


def with_storage(owner: Object, pod: Object) -> Object:
    """The Pod with the volumes of its claims, in place of others of these names."""
    claims = claims_of(owner, pod["metadata"]["name"])
    if not claims:
        return pod
    volumes: list[Object] = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
        for volume, claim in claims.items()
    ]
    volumes += [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in claims]
    return with_fields(pod, {"volumes": volumes}, "spec")


def identity_matches(owner: Object, pod: Object) -> bool:
    """Whether the Pod carries the labels of its identity and belongs to the set."""
    name = pod["metadata"]["name"]
    match = POD_NAME.fullmatch(name)
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    wanted = {POD_NAME_LABEL: name}  # The index came later: Pods from before are left without.
    return match is not None and match[1] == owner["metadata"]["name"] and wanted.items() <= labels.items()


def storage_matches(owner: Object, pod: Object) -> bool:
    """Whether the Pod's volumes are its claims."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    return all(
        (volumes.get(name, {}).get("persistentVolumeClaim") or {}).get("claimName") == claim["metadata"]["name"]
        for name, claim in claims_of(owner, pod["metadata"]["name"]).items()
    )


def revision_of(pod: Object) -> str:
    """The name of the revision that a Pod is of."""
    revision: str = (pod["metadata"].get("labels") or {}).get(REVISION_LABEL, "")
    return revision


def is_created(pod: Stored) -> bool:
    """Whether the apiserver has it."""
    return bool(pod.view(Pod).status.phase)


def is_leaving(pod: Stored) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in pod.object["metadata"]


def is_ended(pod: Stored) -> bool:
    """Whether its containers ended for good: even a Pod that succeeded is made again."""
    return pod.view(Pod).status.phase in ("Succeeded", "Failed")


def is_running_and_ready(pod: Stored) -> bool:
    """Whether it serves."""
    view = pod.view(Pod)
    return view.status.phase == "Running" and is_ready(view)


def is_available(pod: Stored, min_ready_seconds: int, now: float) -> bool:
    """Whether it has served long enough."""
    if not is_running_and_ready(pod):
        return False
    wait = seconds_until_available(pod.view(Pod), min_ready_seconds, now)
    return wait is not None and wait <= 0
