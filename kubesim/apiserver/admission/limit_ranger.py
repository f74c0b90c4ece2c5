"""LimitRanger: what one container, Pod or claim of a namespace may ask for, and what it gets if it asks for nothing.

The defaults of a LimitRange go into containers that state nothing (limits first, and an annotation tells of it);
then minimum, maximum and the ratio of limit to request are enforced.
Upstream: plugin/pkg/admission/limitranger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.quantity import Amount, canonical, format_amount, parse
from kubesim.api.quota import amounts
from kubesim.api.quota.pod_resources import pod_limits, pod_requests
from kubesim.api.resources import LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes, Target

ANNOTATION = "kubernetes.io/limit-ranger"
CONTAINER, POD, CLAIM = "Container", "Pod", "PersistentVolumeClaim"
CONTAINER_LISTS = (("containers", "container"), ("initContainers", "init container"))
TARGETS = (
    (CREATE, PODS, ""),
    (UPDATE, PODS, "resize"),
    (CREATE, PERSISTENT_VOLUME_CLAIMS, ""),
    (UPDATE, PERSISTENT_VOLUME_CLAIMS, ""),
)
Limits = Mapping[str, Amount]


class LimitRanger(AdmissionPlugin):
    """Applies LimitRanges."""

    name = "LimitRanger"
    idle_without = LIMIT_RANGES

    def handles(self, target: Target) -> bool:
        """New and resized Pods; claims whenever they change."""
        return target in TARGETS

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with default limits and requests."""
        obj = attributes.obj
        if attributes.context.request.resource != PODS:
            return obj
        for limits in self._limits(attributes):
            obj = with_defaults(obj, limits)
        return obj

    def validate(self, attributes: Attributes) -> None:
        """Every LimitRange for itself; all that is wrong with one is told together."""
        if attributes.old is not None and attributes.old["metadata"].get("deletionTimestamp"):
            return
        find = pod_problems if attributes.context.request.resource == PODS else claim_problems
        for limits in self._limits(attributes):
            problems = list(dict.fromkeys(find(attributes.obj, limits)))
            if problems:
                raise attributes.refuse(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    def _limits(self, attributes: Attributes) -> Iterator[list[Object]]:
        for stored in self.in_namespace(LIMIT_RANGES, attributes.context.request.namespace):
            yield (stored.object.get("spec") or {}).get("limits") or []


def with_defaults(pod: Object, limits: list[Object]) -> Object:
    """The Pod with a LimitRange's defaults; the same one if nothing was missing."""
    requests: dict[str, Any] = {}
    maxima: dict[str, Any] = {}
    for item in limits:
        if item.get("type") == CONTAINER:
            requests |= item.get("defaultRequest") or {}
            maxima |= item.get("default") or {}
    told: list[str] = []
    changes: dict[str, Any] = {}
    spec = pod.get("spec") or {}
    for name, title in CONTAINER_LISTS:
        if spec.get(name):
            changes[name] = [_completed(container, requests, maxima, title, told) for container in spec[name]]
    if not told:
        return pod
    text = f"LimitRanger plugin set: {'; '.join(told)}"
    annotations = {**(pod["metadata"].get("annotations") or {}), ANNOTATION: text}
    return with_fields(with_fields(pod, changes, "spec"), {"annotations": annotations}, "metadata")


def _completed(
    container: Object, requests: Mapping[str, Any], maxima: Mapping[str, Any], title: str, told: list[str]
) -> Object:
    resources = container.get("resources") or {}
    changes = {}
    for kind, defaults, word in (("requests", requests, "request"), ("limits", maxima, "limit")):
        stated = resources.get(kind) or {}
        missing = {name: defaults[name] for name in sorted(defaults) if name not in stated}
        if missing:
            changes[kind] = {**stated, **missing}
            told.append(f"{', '.join(missing)} {word} for {title} {container.get('name', '')}")
    return {**container, "resources": {**resources, **changes}} if changes else container


def pod_problems(pod: Object, limits: list[Object]) -> Iterator[str]:
    """What a LimitRange has against a Pod."""
    spec = pod.get("spec") or {}
    containers = [container for name, _ in CONTAINER_LISTS for container in spec.get(name) or ()]
    for item in limits:
        if item.get("type") == CONTAINER:
            for container in containers:
                resources = container.get("resources") or {}
                yield from _problems(item, amounts(resources.get("requests")), amounts(resources.get("limits")))
        elif item.get("type") == POD:
            yield from _problems(item, pod_requests(pod), pod_limits(pod))


def claim_problems(claim: Object, limits: list[Object]) -> Iterator[str]:
    """What a LimitRange has against a claim: only requests count."""
    resources = (claim.get("spec") or {}).get("resources") or {}
    requests = amounts(resources.get("requests"))
    for item in limits:
        if item.get("type") != CLAIM:
            continue
        for name, enforced in _sorted(item, "min"):
            yield from _below(CLAIM, name, enforced, requests, {})
        for name, enforced in _sorted(item, "max"):
            begin = f"maximum {name} usage per {CLAIM} is {canonical(enforced)}"
            if name not in requests:
                yield f"{begin}.  No request is specified"
            elif requests[name].nano > parse(enforced).nano:
                yield f"{begin}, but request is {format_amount(requests[name])}"


def _problems(item: Object, requests: Limits, limits: Limits) -> Iterator[str]:
    kind = item["type"]
    for name, enforced in _sorted(item, "min"):
        yield from _below(kind, name, enforced, requests, limits)
    for name, enforced in _sorted(item, "max"):
        yield from _above(kind, name, enforced, requests, limits)
    for name, enforced in _sorted(item, "maxLimitRequestRatio"):
        yield from _too_far_apart(kind, name, enforced, requests, limits)


def _below(kind: str, name: str, enforced: Any, requests: Limits, limits: Limits) -> Iterator[str]:
    begin, bound = f"minimum {name} usage per {kind} is {canonical(enforced)}", parse(enforced).nano
    if name not in requests:
        yield f"{begin}.  No request is specified"
    elif requests[name].nano < bound:
        yield f"{begin}, but request is {format_amount(requests[name])}"
    elif name in limits and limits[name].nano < bound:
        yield f"{begin}, but limit is {format_amount(limits[name])}"


def _above(kind: str, name: str, enforced: Any, requests: Limits, limits: Limits) -> Iterator[str]:
    begin, bound = f"maximum {name} usage per {kind} is {canonical(enforced)}", parse(enforced).nano
    if name not in limits:
        yield f"{begin}.  No limit is specified"
    elif limits[name].nano > bound:
        yield f"{begin}, but limit is {format_amount(limits[name])}"
    elif name in requests and requests[name].nano > bound:
        yield f"{begin}, but request is {format_amount(requests[name])}"


def _too_far_apart(kind: str, name: str, enforced: Any, requests: Limits, limits: Limits) -> Iterator[str]:
    begin = f"{name} max limit to request ratio per {kind} is {canonical(enforced)}"
    request, limit = requests.get(name), limits.get(name)
    if request is None or not request.nano:
        yield f"{begin}, but no request is specified or request is 0"
    elif limit is None or not limit.nano:
        yield f"{begin}, but no limit is specified or limit is 0"
    elif limit.nano * 1_000_000_000 > parse(enforced).nano * request.nano:
        yield f"{begin}, but provided ratio is {limit.nano / request.nano:f}"


def _sorted(item: Object, name: str) -> list[tuple[str, Any]]:
    return sorted((item.get(name) or {}).items())
