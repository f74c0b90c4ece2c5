"""A Pod as the scheduler sees it, and its shape: what Pods made from one template have in common.

Everything that costs work (adding up requests, compiling affinities) is done once per shape. The shape's
signature is the encoded part of the spec that placement depends on, so it needs no trust in owner references
or hashes: two Pods of one signature are placed alike. Names, volumes and environment are not in it.
Upstream computes `framework.PodInfo` for every Pod, and since v1.35 signs Pods for the same purpose.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubesim.api.stored import Stored
from kubesim.api.views import Container, Pod, PodSpec
from kubesim.scheduler.pod_group import NO_TERMS, PodGroup, PodTerms, compile_terms
from kubesim.scheduler.resources import CPU, MEMORY, Amounts, non_zero_pod_requests, pod_requests

SHAPES_MAX = 4096
DEFAULT_SCHEDULER_NAME = "default-scheduler"
HostPort = tuple[str, str, int]  # (host IP, protocol, port)
ANY_IP = "0.0.0.0"

_encode = msgspec.json.Encoder().encode


class PodShape:
    """What the plugins need to know of all Pods of one signature. `memo` is theirs, by plugin name."""

    __slots__ = (
        "affinity_signature",
        "host_ports",
        "memo",
        "non_zero_cpu",
        "non_zero_memory",
        "requests",
        "signature",
        "spec",
    )

    def __init__(self, signature: bytes, spec: PodSpec) -> None:
        self.signature = signature
        self.spec = spec
        self.requests: Amounts = pod_requests(spec)
        non_zero = non_zero_pod_requests(spec)
        self.non_zero_cpu = non_zero.get(CPU, 0)
        self.non_zero_memory = non_zero.get(MEMORY, 0)
        self.host_ports = _host_ports(spec)
        self.affinity_signature = _encode(spec.affinity)
        self.memo: dict[str, Any] = {}


class PodInfo:
    """One Pod at one revision."""

    __slots__ = ("_group", "_pod", "key", "name", "namespace", "priority", "shape", "stored", "uid")

    def __init__(self, stored: Stored, pod: Pod | None, shape: PodShape, priority: int) -> None:
        self.stored = stored
        self._pod = pod
        self.shape = shape
        self.key = stored.key
        self.name = stored.name
        self.namespace = stored.namespace
        self.uid = stored.uid or stored.key
        self.priority = priority
        self._group: PodGroup | None = None

    def renewed(self, stored: Stored) -> PodInfo:
        """A later revision with the same spec. It is read as a whole only if somebody wants to know more."""
        renewed = PodInfo(stored, None, self.shape, self.priority)
        if _looks_the_same(self.stored, stored):
            renewed._group = self._group
        return renewed

    @property
    def pod(self) -> Pod:
        """The Pod, read at the first call."""
        pod = self._pod
        if pod is None:
            pod = self._pod = self.stored.view(Pod)
        return pod

    @property
    def promised_node(self) -> str:
        """`status.nominatedNodeName`: where it waits for others to leave."""
        status = self.stored.object.get("status")
        return status.get("nominatedNodeName") or "" if status else ""

    @property
    def group(self) -> PodGroup:
        """The group that the Pod is counted in, made at the first call."""
        group = self._group
        if group is None:
            group = self._group = group_of(self.pod, self.shape)
        return group

    def __repr__(self) -> str:
        return f"<PodInfo {self.key}>"


def group_of(pod: Pod, shape: PodShape) -> PodGroup:
    """The group of a Pod; its terms are made once per shape and namespace."""
    metadata = pod.metadata
    affinity = shape.spec.affinity
    terms, signature = NO_TERMS, b""
    if affinity is not None and (affinity.pod_affinity or affinity.pod_anti_affinity):
        made: dict[str, PodTerms] = shape.memo.setdefault("PodGroup", {})
        found = made.get(metadata.namespace)
        terms = (
            found
            if found is not None
            else made.setdefault(metadata.namespace, compile_terms(affinity, metadata.namespace))
        )
        signature = shape.affinity_signature
    return PodGroup(metadata.namespace, metadata.labels, bool(metadata.deletion_timestamp), terms, signature)


class PodShapes:
    """Makes `PodInfo`s, with one `PodShape` for all Pods of a signature. The oldest shapes are forgotten."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, PodShape] = {}

    def pod_info(self, stored: Stored, previous: PodInfo | None = None) -> PodInfo:
        """The Pod with its shape; `previous`, an older revision of it, saves work while the spec is the same."""
        if previous is not None and has_same_spec(previous.stored, stored):
            return previous.renewed(stored)
        pod = stored.view(Pod)
        return PodInfo(stored, pod, self.shape_of(pod.spec), pod.spec.priority or 0)

    def shape_of(self, spec: PodSpec) -> PodShape:
        """The shape of a spec."""
        signature = sign(spec)
        shape = self._shapes.get(signature)
        if shape is None:
            if len(self._shapes) >= SHAPES_MAX:
                del self._shapes[next(iter(self._shapes))]
            shape = self._shapes[signature] = PodShape(signature, spec)
        return shape


def sign(spec: PodSpec) -> bytes:
    """The part of the spec that decides where a Pod can and would like to run, as bytes."""
    return _encode(
        (
            [_container_part(container) for container in spec.containers],
            [(_container_part(container), container.restart_policy) for container in spec.init_containers],
            spec.resources,
            spec.overhead,
            spec.node_selector,
            spec.affinity,
            spec.tolerations,
            spec.host_network,
            spec.topology_spread_constraints,
            [claim.name for claim in spec.resource_claims],
        )
    )


def profile_of(pod: Pod) -> str:
    """The scheduler that the Pod asks for; the apiserver fills in the default."""
    return pod.spec.scheduler_name or DEFAULT_SCHEDULER_NAME


def _container_part(container: Container) -> tuple[object, ...]:
    return (container.image, container.resources, container.ports)


def has_same_spec(old: Stored, new: Stored) -> bool:
    """Whether two revisions want the same. Generations count changes of the spec; one without is not known to."""
    generation = new.object["metadata"].get("generation", 0)
    return bool(generation) and generation == old.object["metadata"].get("generation") and old.uid == new.uid


def _looks_the_same(old: Stored, new: Stored) -> bool:
    """Whether other Pods see no difference (compare `group_of`)."""
    before, after = old.object["metadata"], new.object["metadata"]
    same_labels: bool = before.get("labels") == after.get("labels")
    return same_labels and ("deletionTimestamp" in before) == ("deletionTimestamp" in after)


def _host_ports(spec: PodSpec) -> tuple[HostPort, ...]:
    """The ports that the Pod takes on its node: of containers and sidecars, as upstream counts them."""
    sidecars = [container for container in spec.init_containers if container.restart_policy == "Always"]
    return tuple(
        (port.host_ip or ANY_IP, port.protocol or "TCP", port.host_port)
        for container in (*spec.containers, *sidecars)
        for port in container.ports
        if port.host_port > 0
    )
