"""The node authorizer: a kubelet may do what concerns its own node and the Pods on it, and nothing else.

Its rights are those of the ClusterRole system:node, which no binding gives to it. Secrets, ConfigMaps, claims and
volumes are open to it only if a Pod of its node refers to them; what it may do to Pods and Nodes depends on the
object, so that admission decides (NodeRestriction).
Upstream: plugin/pkg/auth/authorizer/node, which keeps a graph of who refers to whom; here the Pods of the node are
asked (node_pods.py).
Left out: volume attachments, resource slices, ephemeral claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, Resource
from kubesim.api.stored import Stored
from kubesim.api.wire import Request
from kubesim.apiserver.auth.attributes import name_of
from kubesim.apiserver.auth.node_pods import NodePods
from kubesim.apiserver.auth.rbac import Grant, Grants
from kubesim.apiserver.auth.rules import Rule

LEASE_NAMESPACE = "kube-node-lease"
READS = ("get", "list", "watch")
LATEST = Callable[[Resource, str, str], Stored | None]


class NodeAuthorizer:
    """Decides for kubelets. `rules` are those of system:node."""

    def __init__(self, rules: tuple[Rule, ...], latest: LATEST, pods: NodePods) -> None:
        self._rules = Grants([Grant("", rules, "")])
        self._latest = latest
        self._pods = pods

    def refusal(self, node: str, request: Request) -> str | None:
        """None if the node may; else why not, which may be nothing."""
        resource = request.resource
        plural, group = resource.plural, resource.group
        if group == "coordination.k8s.io" and plural == "leases":
            return lease_refusal(node, request)
        if self._rules.names(request.verb, group, plural, request.subresource, request.namespace) is not None:
            return "can only read resources of this type" if plural in ("secrets", "configmaps") and not group else ""
        if group:
            return None
        if plural == "nodes":
            return node_refusal(node, request)
        if plural == "pods":
            return self._pod_refusal(node, request)
        if plural in ("secrets", "configmaps", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts"):
            return self._referred_refusal(node, request)
        return None

    def _pod_refusal(self, node: str, request: Request) -> str | None:
        if request.subresource or request.verb not in READS:
            return None
        if request.verb == "get":
            pod = self._latest(PODS, request.name, request.namespace)
            if pod is not None and (pod.object.get("spec") or {}).get("nodeName") == node:
                return None
            return unrelated(node)
        wanted = (f"spec.nodeName={node}", f"spec.nodeName=={node}")
        if any(part in wanted for part in request.options.field_selector.split(",")):
            return None
        return "can only list/watch pods with spec.nodeName field selector"

    def _referred_refusal(self, node: str, request: Request) -> str | None:
        plural, name, namespace = request.resource.plural, name_of(request), request.namespace
        if plural == "serviceaccounts" and request.subresource != "token":
            return "can only create tokens for individual service accounts"
        if request.resource.namespaced and not namespace:
            return "can only read namespaced object of this type"
        if not name:
            return "No Object name found"
        if plural == "persistentvolumes":
            refers = any(claim == name for claim in self._volumes_of(node))
        else:
            wanted = (plural, name)
            pods = self._pods.of(node)
            refers = any(pod.stored.namespace == namespace and wanted in pod.references for pod in pods)
        return None if refers else unrelated(node)

    def _volumes_of(self, node: str) -> Iterator[str]:
        for pod in self._pods.of(node):
            for plural, name in sorted(pod.references):
                if plural == "persistentvolumeclaims":
                    claim = self._latest(PERSISTENT_VOLUME_CLAIMS, name, pod.stored.namespace)
                    if claim is not None:
                        yield (claim.object.get("spec") or {}).get("volumeName", "")


def unrelated(node: str) -> str:
    """Upstream's sentence."""
    return f"no relationship found between node '{node}' and this object"


def lease_refusal(node: str, request: Request) -> str | None:
    """A node and a Lease."""
    if request.verb not in ("get", "create", "update", "patch", "delete"):
        return "can only get, create, update, patch, or delete a node lease"
    if request.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if request.verb != "create" and request.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def node_refusal(node: str, request: Request) -> str | None:
    """A node and a Node."""
    if request.verb not in READS:
        return None  # NodeRestriction looks at the object.
    name = name_of(request)
    if name == node:
        return None
    if not name:
        return f"node '{node}' cannot read all nodes, only its own Node object"
    return f"node '{node}' cannot read '{name}', only its own Node object"
