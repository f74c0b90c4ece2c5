"""Which connections the NetworkPolicies of a cluster allow: pure, from Pods and policies.

A Pod that no policy selects (for a direction) may do everything. One that is selected is isolated: only what some rule
of some policy that selects it allows gets through, whoever else says what. Both ends are asked: egress at the sender,
ingress at the receiver. Policies are about connections, so answers always come back.
The specification is networking.k8s.io/v1 (k8s.io/api/networking/v1/types.go); a CNI plugin enforces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object
from kubesim.proxy.packet import is_in

INGRESS, EGRESS = "Ingress", "Egress"
Rule = Mapping[str, Any]


class Side(NamedTuple):
    """One end of a connection: an address, and the Pod that has it, if one does."""

    address: str
    pod: Object | None = None

    @property
    def namespace(self) -> str:
        """The Pod's namespace."""
        return str(self.pod["metadata"]["namespace"]) if self.pod is not None else ""

    @property
    def labels(self) -> Mapping[str, str]:
        """The Pod's labels."""
        return (self.pod["metadata"].get("labels") or {}) if self.pod is not None else {}


class Attempt(NamedTuple):
    """A connection from `source` to `target`."""

    source: Side
    target: Side
    port: int
    protocol: str


def refusal(
    direction: str,
    attempt: Attempt,
    policies: Sequence[Object],
    namespace_labels: Callable[[str], Mapping[str, str]],
) -> str:
    """Why the isolated end does not let this connection through, in words; "" if it does.

    `policies` are those of the isolated end's namespace.
    """
    own = attempt.target if direction == INGRESS else attempt.source
    other = attempt.source if direction == INGRESS else attempt.target
    if own.pod is None or (own.pod.get("spec") or {}).get("hostNetwork"):
        return ""
    isolating = [policy for policy in policies if isolates(policy, direction, own)]
    for policy in isolating:
        for rule in policy["spec"].get(direction.lower()) or ():
            if _port_allowed(rule, attempt) and _peer_allowed(rule, direction, other, own, namespace_labels):
                return ""
    if not isolating:
        return ""
    names = ", ".join(policy["metadata"]["name"] for policy in isolating)
    pod = own.pod["metadata"]["name"]
    verb = "accept" if direction == INGRESS else "open"
    return f"no {direction.lower()} rule of {names} lets {own.namespace}/{pod} {verb} this connection"


def isolates(policy: Object, direction: str, side: Side) -> bool:
    """Whether a policy selects a Pod for a direction."""
    spec = policy.get("spec") or {}
    types = spec.get("policyTypes") or ([INGRESS, EGRESS] if spec.get("egress") else [INGRESS])
    return direction in types and label_selector(spec.get("podSelector") or {}).matches(side.labels)


def _port_allowed(rule: Rule, attempt: Attempt) -> bool:
    ports = rule.get("ports")
    return not ports or any(_is_port(port, attempt) for port in ports)


def _is_port(port: Mapping[str, Any], attempt: Attempt) -> bool:
    if (port.get("protocol") or "TCP") != attempt.protocol:
        return False
    wanted = port.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str) and not wanted.isdigit():
        return attempt.port in _named(attempt.target, wanted, attempt.protocol)
    return int(wanted) <= attempt.port <= int(port.get("endPort") or wanted)


def _named(target: Side, name: str, protocol: str) -> list[int]:
    """The ports of that name which the containers of the receiver declare."""
    if target.pod is None:
        return []
    return [
        port["containerPort"]
        for container in target.pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("name") == name and (port.get("protocol") or "TCP") == protocol
    ]


def _peer_allowed(
    rule: Rule, direction: str, other: Side, own: Side, namespace_labels: Callable[[str], Mapping[str, str]]
) -> bool:
    peers = rule.get("from" if direction == INGRESS else "to")
    return not peers or any(_is_peer(peer, other, own, namespace_labels) for peer in peers)


def _is_peer(
    peer: Mapping[str, Any], other: Side, own: Side, namespace_labels: Callable[[str], Mapping[str, str]]
) -> bool:
    if (block := peer.get("ipBlock")) is not None:
        return is_in(other.address, block["cidr"]) and not any(
            is_in(other.address, cidr) for cidr in block.get("except") or ()
        )
    if other.pod is None:
        return False
    spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if spaces is None:
        if other.namespace != own.namespace:
            return False
    elif not label_selector(spaces).matches(namespace_labels(other.namespace)):
        return False
    return pods is None or label_selector(pods).matches(other.labels)
