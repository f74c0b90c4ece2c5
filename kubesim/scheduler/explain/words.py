"""Why a node is out, in words and numbers: what the node has, what the Pod asks for.

kube-scheduler says "Insufficient cpu"; here it is "it has 300m cpu left, the Pod asks for 500m". The plugins' verdicts
are not touched: each function here looks at the same Pod and node again and tells what the plugin of its name saw.
A plugin that has none (one of your own) is quoted. Upstream has no such thing.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.node_selector import compile_term, holds
from kubesim.api.quantity import BINARY_SI, format_quantity
from kubesim.api.views import NodeSelectorRequirement, NodeSelectorTerm
from kubesim.scheduler.explain.affinity_words import inter_pod_affinity, topology_spread
from kubesim.scheduler.explain.seen import Seen, counted, listed
from kubesim.scheduler.explain.volume_words import volume_binding, volume_limits, volume_restrictions, volume_zone
from kubesim.scheduler.plugins.taints import keeps_out, tolerates_any
from kubesim.scheduler.pod_info import ANY_IP, HostPort
from kubesim.scheduler.resources import CPU, EPHEMERAL_STORAGE, HUGE_PAGES, MEMORY

KIB = 1024


def in_words(seen: Seen) -> str:
    """Why the node is out, to follow "NODE is out: "."""
    tell = WORDS.get(seen.plugin.name)
    return (tell(seen) if tell is not None else "") or f"{seen.plugin.name} says: {seen.status.message}"


# -- room -----------------------------------------------------------------------------------------------


def resources_fit(seen: Seen) -> str:
    """Every resource that is short."""
    node, short = seen.node, []
    if len(node.pods) + 1 > node.allowed_pods:
        short.append(f"it has {counted(len(node.pods), 'Pod')} and may have no more than {node.allowed_pods}")
    for resource, asked in seen.pod.shape.requests.items():
        capacity = node.allocatable.get(resource, 0)
        left = capacity - node.requested.get(resource, 0)
        if not asked or asked <= left:
            continue
        if not capacity:
            short.append(f"it has no {resource}, the Pod asks for {shown(resource, asked)}")
        elif asked > capacity:
            has, wants = told_apart(resource, capacity, asked)
            short.append(f"it has {has} {resource} even when empty, the Pod asks for {wants}")
        else:
            has, wants = told_apart(resource, max(left, 0), asked)
            short.append(f"it has {has} {resource} left, the Pod asks for {wants}")
    return "; ".join(short)


def told_apart(resource: str, has: int, wants: int) -> tuple[str, str]:
    """Both amounts, rounded to what is easy to read unless they would look alike then."""
    rounded = shown(resource, has), shown(resource, wants)
    return rounded if rounded[0] != rounded[1] else (_exact(resource, has), _exact(resource, wants))


def shown(resource: str, amount: int) -> str:
    """`300m`, `2`, `7.6Gi`."""
    if not _is_bytes(resource) or amount < KIB:
        return _exact(resource, amount)
    for unit, size in (("Ti", KIB**4), ("Gi", KIB**3), ("Mi", KIB**2), ("Ki", KIB)):
        if amount >= size:
            return f"{amount / size:.1f}".removesuffix(".0") + unit
    return str(amount)


def _exact(resource: str, amount: int) -> str:
    if resource == CPU:
        return format_quantity(amount)
    return format_quantity(amount * 1000, BINARY_SI) if _is_bytes(resource) else str(amount)


def _is_bytes(resource: str) -> bool:
    return resource in (MEMORY, EPHEMERAL_STORAGE) or resource.startswith(HUGE_PAGES)


def node_ports(seen: Seen) -> str:
    """Which ports are taken, and by whom."""
    taken = [port for port in seen.pod.shape.host_ports if seen.node.has_port_conflict(port)]
    holders = [
        pod.key for pod in seen.node.pods.values() if any(clash(a, b) for a in pod.shape.host_ports for b in taken)
    ]
    ports = listed(f"{number}/{protocol}" for _, protocol, number in taken)
    return f"the Pod wants host port {ports}, which {listed(holders)} {'has' if len(holders) == 1 else 'have'}"


def clash(one: HostPort, other: HostPort) -> bool:
    """Whether two ports of one node cannot both be had."""
    return one[1:] == other[1:] and (one[0] == other[0] or ANY_IP in (one[0], other[0]))


# -- the node itself ------------------------------------------------------------------------------------


def unschedulable(_: Seen) -> str:
    """It is cordoned."""
    return "it is cordoned (spec.unschedulable), and the Pod does not tolerate that"


def node_name(seen: Seen) -> str:
    """Another one is asked for."""
    return f"the Pod asks for {seen.pod.pod.spec.node_name} by name (spec.nodeName)"


def taints(seen: Seen) -> str:
    """Every taint that keeps the Pod out."""
    tolerations = seen.pod.pod.spec.tolerations
    kept_out = [
        f"{taint.key}{'=' if taint.value else ''}{taint.value}:{taint.effect}"
        for taint in seen.node.known.spec.taints
        if keeps_out(taint.effect) and not tolerates_any(tolerations, taint)
    ]
    noun = "the taint" if len(kept_out) == 1 else "the taints"
    return f"it has {noun} {listed(kept_out)}, which the Pod does not tolerate"


def node_affinity(seen: Seen) -> str:
    """The labels that the Pod asks for, and those that the node has."""
    node, spec, problems = seen.node.known, seen.pod.pod.spec, []
    labels = node.metadata.labels
    for key, value in sorted(spec.node_selector.items()):
        if labels.get(key) != value:
            problems.append(f"the Pod's nodeSelector wants {key}={value}, {_has(key, labels.get(key))}")
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    terms = required.node_selector_terms if required else ()
    if required and not any(compile_term(term)(node) for term in terms):
        wishes = [_missed(term, labels, node.metadata.name) for term in terms]
        problems.append(f"the Pod's node affinity wants {', or '.join(wishes)}")
    if not problems and "scheduler-enforced" in seen.status.message:
        return "the scheduler's configuration (addedAffinity) wants other nodes"
    return "; ".join(problems)


def _missed(term: NodeSelectorTerm, labels: dict[str, str], name: str) -> str:
    """What one term asks for and the node does not have."""
    missed = [
        f"{_requirement(one)} ({_has(one.key, labels.get(one.key))})"
        for one in term.match_expressions
        if not holds(one, labels.get(one.key))
    ]
    missed += [_requirement(one) for one in term.match_fields if (name in one.values) != (one.operator == "In")]
    return " and ".join(missed) or "nothing that a node could have (the term is empty)"


def _requirement(one: NodeSelectorRequirement) -> str:
    values = ", ".join(one.values)
    if one.operator == "In" and len(one.values) == 1:
        return f"{one.key}={values}"
    if one.operator in ("Exists", "DoesNotExist"):
        return f"{'a' if one.operator == 'Exists' else 'no'} label {one.key}"
    return f"{one.key} {WORDS_OF_OPERATORS.get(one.operator, one.operator)} {values}"


WORDS_OF_OPERATORS = {"In": "one of", "NotIn": "none of", "Gt": "above", "Lt": "below"}


def _has(key: str, value: str | None) -> str:
    return f"it has no label {key}" if value is None else f"it has {key}={value}"


WORDS: dict[str, Callable[[Seen], str]] = {
    "NodeUnschedulable": unschedulable,
    "NodeName": node_name,
    "TaintToleration": taints,
    "NodeAffinity": node_affinity,
    "NodePorts": node_ports,
    "NodeResourcesFit": resources_fit,
    "VolumeRestrictions": volume_restrictions,
    "NodeVolumeLimits": volume_limits,
    "VolumeBinding": volume_binding,
    "VolumeZone": volume_zone,
    "PodTopologySpread": topology_spread,
    "InterPodAffinity": inter_pod_affinity,
}
