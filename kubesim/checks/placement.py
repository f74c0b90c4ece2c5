"""May this Pod be on that node? The hard constraints of the API, checked plainly on objects.

Nothing of the scheduler is used here: it is the second opinion that property tests hold the scheduler against. It knows
resources, taints, cordons, nodeSelector and required node affinity, host ports, required pod (anti-)affinity both ways
and topologySpreadConstraints with DoNotSchedule. Left out: volumes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from kubesim.api.quantity import parse

Object = Mapping[str, Any]
Placed = Sequence[tuple[Object, Object]]  # (Pod, its node)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def placement_problems(
    pod: Object, node: Object, others: Placed, nodes: Sequence[Object], namespaces: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """What speaks against `pod` on `node`, while `others` are where they are; `namespaces` are labels by name."""
    here = [other for other, where in others if _name(where) == _name(node)]
    problems = [*_resources(pod, node, here), *_taints(pod, node), *_ports(pod, here)]
    if not matches_node(pod, node):
        problems.append("node affinity")
    problems += _affinity(pod, node, others, namespaces)
    problems += _spread(pod, node, others, nodes)
    return problems


def requests(spec: Mapping[str, Any]) -> Counter[str]:
    """What the Pod needs: the sum of what runs together, or the worst moment of its start."""
    total = _sum(_asked(container) for container in spec["containers"])
    sidecars: Counter[str] = Counter()
    worst: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        asked = _asked(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, asked))
            worst |= sidecars
        else:
            worst |= _sum((sidecars, asked))
    total = _sum((total, sidecars)) | worst
    for name, amount in _amounts((spec.get("resources") or {}).get("requests")).items():
        total[name] = amount  # The Pod's own word stands for that of its containers.
    return _sum((total, _amounts(spec.get("overhead"))))


def matches_node(pod: Object, node: Object) -> bool:
    """nodeSelector, and one of the required terms."""
    labels, spec = _labels(node), pod["spec"]
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    return required is None or any(_term_holds(term, node) for term in required["nodeSelectorTerms"])


def _resources(pod: Object, node: Object, here: Sequence[Object]) -> Iterator[str]:
    allocatable = _amounts(node["status"]["allocatable"])
    if len(here) + 1 > allocatable["pods"]:
        yield "too many Pods"
    asked = requests(pod["spec"])
    used = _sum(requests(other["spec"]) for other in here)
    for name, amount in asked.items():
        if amount and used[name] + amount > allocatable[name]:
            yield f"not enough {name}"


def _taints(pod: Object, node: Object) -> Iterator[str]:
    taints = [*(node["spec"].get("taints") or ())]
    if node["spec"].get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    for taint in taints:
        if taint["effect"] != "PreferNoSchedule" and not _tolerated(pod, taint):
            yield f"taint {taint['key']}"


def _tolerated(pod: Object, taint: Mapping[str, Any]) -> bool:
    for toleration in pod["spec"].get("tolerations") or ():
        same_key = toleration.get("key", "") in ("", taint["key"])
        same_effect = toleration.get("effect", "") in ("", taint["effect"])
        exists = toleration.get("operator") == "Exists"
        if same_key and same_effect and (exists or toleration.get("value", "") == taint.get("value", "")):
            return True
    return False


def _ports(pod: Object, here: Sequence[Object]) -> Iterator[str]:
    taken = [port for other in here for port in _host_ports(other)]
    for address, protocol, number in _host_ports(pod):
        for other_address, other_protocol, other_number in taken:
            same = (protocol, number) == (other_protocol, other_number)
            if same and (address == other_address or "0.0.0.0" in (address, other_address)):
                yield f"port {number}"


def _host_ports(pod: Object) -> list[tuple[str, str, int]]:
    starting = pod["spec"].get("initContainers") or ()
    containers = [*pod["spec"]["containers"], *(each for each in starting if each.get("restartPolicy") == "Always")]
    return [
        (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def _affinity(pod: Object, node: Object, others: Placed, namespaces: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    near = _terms(pod, "podAffinity")
    company = [
        (other, where) for other, where in others if all(_means(term, pod, other, namespaces) for term in near)
    ]  # fmt: skip
    for term in near:
        if term["topologyKey"] not in _labels(node):
            yield "no such domain"
        elif not any(_together(term, node, where) for _, where in company):
            # The first of its kind may go anywhere; but only while nobody of its kind is in any domain.
            is_first = not any(each["topologyKey"] in _labels(where) for each in near for _, where in company)
            if not (is_first and all(_means(each, pod, pod, namespaces) for each in near)):
                yield "no company"
    for term in _terms(pod, "podAntiAffinity"):
        if any(_together(term, node, where) and _means(term, pod, other, namespaces) for other, where in others):
            yield "bad company"
    for other, where in others:
        for term in _terms(other, "podAntiAffinity"):
            if _together(term, node, where) and _means(term, other, pod, namespaces):
                yield "not welcome"


def _terms(pod: Object, kind: str) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(REQUIRED) or ()
    return found


def _means(term: Mapping[str, Any], owner: Object, other: Object, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a term of `owner` speaks of `other`."""
    listed, selector = term.get("namespaces") or [], term.get("namespaceSelector")
    if not listed and selector is None:
        listed = [owner["metadata"]["namespace"]]
    theirs = other["metadata"]["namespace"]
    of_namespace = theirs in listed or (selector is not None and selects(selector, namespaces.get(theirs, {})))
    return of_namespace and selects(term.get("labelSelector"), _labels(other))


def _together(term: Mapping[str, Any], node: Object, other: Object) -> bool:
    key = term["topologyKey"]
    return key in _labels(node) and _labels(node).get(key) == _labels(other).get(key)


def _spread(pod: Object, node: Object, others: Placed, nodes: Sequence[Object]) -> Iterator[str]:
    constraints = pod["spec"].get("topologySpreadConstraints") or ()
    hard = [each for each in constraints if each["whenUnsatisfiable"] == "DoNotSchedule"]
    keys = {each["topologyKey"] for each in hard}
    for constraint in hard:
        key, selector = constraint["topologyKey"], _counted(constraint, pod)
        counting = [each for each in nodes if keys <= _labels(each).keys() and _counts(constraint, pod, each)]
        domains = {_labels(each)[key]: 0 for each in counting}
        names = {_name(each) for each in counting}
        for other, where in others:
            is_one = other["metadata"]["namespace"] == pod["metadata"]["namespace"] and selects(
                selector, _labels(other)
            )
            if is_one and "deletionTimestamp" not in other["metadata"] and _name(where) in names:
                domains[_labels(where)[key]] += 1
        fewest = min(domains.values(), default=0) if len(domains) >= constraint.get("minDomains", 1) else 0
        mine = _labels(node).get(key)
        if mine is None:
            yield "no such domain to spread over"
        elif domains.get(mine, 0) + selects(selector, _labels(pod)) - fewest > constraint["maxSkew"]:
            yield "skew"


def _counted(constraint: Mapping[str, Any], pod: Object) -> Mapping[str, Any] | None:
    """The selector of a constraint; matchLabelKeys narrow it to Pods with the same values as this one."""
    selector: Mapping[str, Any] | None = constraint.get("labelSelector")
    keys = [key for key in constraint.get("matchLabelKeys") or () if key in _labels(pod)]
    if selector is None or not keys:
        return selector
    own = {key: _labels(pod)[key] for key in keys}
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **own}}


def _counts(constraint: Mapping[str, Any], pod: Object, node: Object) -> bool:
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not matches_node(pod, node):
        return False
    return constraint.get("nodeTaintsPolicy") != "Honor" or not any(
        taint["effect"] != "PreferNoSchedule" and not _tolerated(pod, taint)
        for taint in node["spec"].get("taints") or ()
    )


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A label selector; none at all selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or ()
    return all(labels.get(key) == value for key, value in wanted) and all(_holds(one, labels) for one in expressions)


def _term_holds(term: Mapping[str, Any], node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    return (
        bool(expressions or fields)
        and all(_holds(each, _labels(node)) for each in expressions)
        and all(_holds(each, {"metadata.name": _name(node)}) for each in fields)
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            if value is None or not value.lstrip("-").isdigit():
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])


def _asked(container: Mapping[str, Any]) -> Counter[str]:
    return _amounts((container.get("resources") or {}).get("requests"))


def _amounts(quantities: Mapping[str, Any] | None) -> Counter[str]:
    return Counter({name: _number(quantity) for name, quantity in (quantities or {}).items()})


def _number(quantity: Any) -> Any:
    return Fraction(parse(str(quantity)).nano, 10**9)


def _sum(amounts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in amounts:
        total.update(each)
    return total


def _labels(obj: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return labels


def _name(obj: Object) -> str:
    name: str = obj["metadata"]["name"]
    return name
