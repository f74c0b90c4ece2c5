"""Which nodes want a daemon's Pod, and what that Pod looks like. Pure.

A daemon's Pod is made for one node: a required node affinity on `metadata.name` makes the default scheduler bind it
there and nowhere else. It tolerates what drives others away (a node that is not ready, under pressure or cordoned).
A node that has taints which the Pod does not tolerate gets none; one that runs there already stays unless a taint
is NoExecute. So on a node that crashed (NoSchedule unreachable) the Pod remains and counts as misscheduled.
Upstream: NodeShouldRunDaemonPod in pkg/controller/daemon and pkg/controller/daemon/util.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.api.meta import owner_reference
from kubesim.api.stored import Object, Stored
from kubesim.api.tolerations import tolerates
from kubesim.api.views import Node, Toleration, read
from kubesim.controllers.taints import (
    CONDITION_TAINTS,
    NO_EXECUTE,
    NO_SCHEDULE,
    NOT_READY,
    UNREACHABLE,
    UNSCHEDULABLE,
)

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
GENERATION_LABEL = "pod-template-generation"
HASH_LABEL = "controller-revision-hash"
PRESSURES = (("DiskPressure", "True"), ("MemoryPressure", "True"), ("PIDPressure", "True"))
NODE_NAME_FIELD = "metadata.name"


class Wanted(NamedTuple):
    """What a node is to a daemon: whether it shall get a Pod, and whether one that is there may stay."""

    run: bool
    stay: bool


def daemon_tolerations(spec: Object) -> list[Object]:
    """The template's tolerations and those that every daemon's Pod has."""
    added = [(NOT_READY, NO_EXECUTE), (UNREACHABLE, NO_EXECUTE)]
    added += [(CONDITION_TAINTS[pressure], NO_SCHEDULE) for pressure in PRESSURES]
    added.append((UNSCHEDULABLE, NO_SCHEDULE))
    if spec.get("hostNetwork"):
        added.append((CONDITION_TAINTS[("NetworkUnavailable", "True")], NO_SCHEDULE))
    tolerations: list[Object] = list(spec.get("tolerations") or ())
    for key, effect in added:
        toleration = {"key": key, "operator": "Exists", "effect": effect}
        same = [index for index, old in enumerate(tolerations) if _covers(old, key, effect)]
        if same:
            tolerations[same[0]] = toleration
        else:
            tolerations.append(toleration)
    return tolerations


def _covers(toleration: Object, key: str, effect: str) -> bool:
    fields = ("key", "effect", "operator")
    return [toleration.get(name) for name in fields] == [key, effect, "Exists"] and not toleration.get("value")


def pod_for(owner: Object, node: str, hash_: str) -> Object:
    """The Pod of one node."""
    template = owner["spec"]["template"]
    described = template.get("metadata") or {}
    metadata: dict[str, Any] = {"generateName": f"{owner['metadata']['name']}-"}
    labels = dict(described.get("labels") or {})
    generation = (owner["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION)
    if generation is not None:
        labels[GENERATION_LABEL] = generation
    metadata["labels"] = {**labels, HASH_LABEL: hash_}
    for field in ("annotations", "finalizers"):
        if described.get(field):
            metadata[field] = described[field]
    metadata["ownerReferences"] = [owner_reference(owner)]
    spec = template["spec"]
    affinity = bound_affinity(spec.get("affinity") or {}, node)
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {**spec, "affinity": affinity, "tolerations": daemon_tolerations(spec)},
    }  # fmt: skip


def bound_affinity(affinity: Object, node: str) -> Object:
    """The affinity with the node's name as its only required term."""
    field = {"key": NODE_NAME_FIELD, "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    node_affinity = affinity.get("nodeAffinity") or {}
    return {**affinity, "nodeAffinity": {**node_affinity, "requiredDuringSchedulingIgnoredDuringExecution": required}}


def target_node(pod: Object) -> str:
    """The node that a daemon's Pod runs on or is meant for; "" if that cannot be told."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        name: str = spec["nodeName"]
        return name
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == NODE_NAME_FIELD and field["operator"] == "In" and len(field["values"]) == 1:
                value: str = field["values"][0]
                return value
    return ""


def wanted_on(owner: Object, node: Stored) -> Wanted:
    """Whether the node shall run a Pod of this daemon, and whether one may stay."""
    spec = owner["spec"]["template"]["spec"]
    if spec.get("nodeName", node.name) not in ("", node.name) or not matches_node(spec, node):
        return Wanted(run=False, stay=False)
    tolerations = [read(toleration, Toleration) for toleration in daemon_tolerations(spec)]
    bad = [
        taint.effect
        for taint in node.view(Node).spec.taints
        if taint.effect in (NO_SCHEDULE, NO_EXECUTE) and not any(tolerates(one, taint) for one in tolerations)
    ]
    return Wanted(run=not bad, stay=NO_EXECUTE not in bad)


def matches_node(spec: Object, node: Stored) -> bool:
    """Whether nodeSelector and the required terms of the node affinity hold."""
    labels: Mapping[str, str] = node.object["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {NODE_NAME_FIELD: node.name}
    return any(_term(term, labels, fields) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Object, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    expressions: Sequence[Object] = term.get("matchExpressions") or ()
    on_fields: Sequence[Object] = term.get("matchFields") or ()
    if not expressions and not on_fields:
        return False
    return all(_holds(one, labels) for one in expressions) and all(_holds(one, fields) for one in on_fields)


def _holds(requirement: Object, values: Mapping[str, str]) -> bool:
    value = values.get(requirement["key"])
    wanted: Sequence[str] = requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    compare = operator.gt if requirement["operator"] == "Gt" else operator.lt
    try:
        return value is not None and compare(int(value), int(wanted[0]))
    except (ValueError, IndexError):
        return False
