"""NodeRestriction: a node that has been broken into can harm nobody but itself.

A kubelet may change its own Node and the Pods bound to it, no others; it may not choose its own taints once
it is registered, and may create no Pods but mirrors of its static ones.
Upstream: plugin/pkg/admission/noderestriction. Left out: label prefixes, tokens, volumes.
"""

from __future__ import annotations

from kubesim.api.meta import field
from kubesim.api.resources import LEASES, NODES, PODS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import AdmissionPlugin, refuse
from kubesim.apiserver.admission.service_account import MIRROR_ANNOTATION
from kubesim.apiserver.authn import User
from kubesim.apiserver.context import RequestContext

NODE_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"
LEASE_NAMESPACE = "kube-node-lease"


def node_name(user: User) -> str:
    """The node whose kubelet this user is; "" for everybody else."""
    if NODE_GROUP in user.groups and user.name.startswith(NODE_PREFIX):
        return user.name[len(NODE_PREFIX) :]
    return ""


class NodeRestriction(AdmissionPlugin):
    """Keeps kubelets to their own node."""

    name = "NodeRestriction"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        """Nodes, Pods and Leases."""
        return resource in (NODES, PODS, LEASES)

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """Changes nothing; refuses early, as upstream."""
        node = node_name(context.user)
        if node:
            resource = context.request.resource
            if resource == NODES:
                _check_node(context, obj, old, node)
            elif resource == LEASES:
                _check_lease(context, obj, node)
            else:
                _check_pod(context, obj, old, node)
        return obj

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """A kubelet deletes the Pods that ended on its node."""
        node = node_name(context.user)
        if not node:
            return
        if context.request.resource == NODES:
            raise refuse(context, stored.object, f'node "{node}" is not allowed to delete nodes')
        if context.request.resource == PODS and field(stored.object, "spec.nodeName") != node:
            why = f'node "{node}" can only delete pods with spec.nodeName set to itself'
            raise refuse(context, stored.object, why)


def _check_node(context: RequestContext, obj: Object, old: Object | None, node: str) -> None:
    name = obj["metadata"].get("name", "")
    if name != node:
        raise refuse(context, obj, f'node "{node}" is not allowed to modify node "{name}"')
    if old is not None and field(obj, "spec.taints") != field(old, "spec.taints"):
        raise refuse(context, obj, f'node "{node}" is not allowed to modify taints')


def _check_lease(context: RequestContext, obj: Object, node: str) -> None:
    if context.request.namespace != LEASE_NAMESPACE:
        raise refuse(context, obj, f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
    if obj["metadata"].get("name") != node:
        raise refuse(context, obj, "can only access node lease with the same name as the requesting node")


def _check_pod(context: RequestContext, obj: Object, old: Object | None, node: str) -> None:
    if old is not None:
        if context.request.subresource != "status":
            raise refuse(context, obj, f'node "{node}" can only update pod status')
        if field(old, "spec.nodeName") != node:
            why = f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
            raise refuse(context, obj, why)
        return
    if context.request.subresource:
        return
    if MIRROR_ANNOTATION not in (obj["metadata"].get("annotations") or {}):
        why = f'pod does not have "{MIRROR_ANNOTATION}" annotation, node "{node}" can only create mirror pods'
        raise refuse(context, obj, why)
    if field(obj, "spec.nodeName") != node:
        why = f'node "{node}" can only create pods with spec.nodeName set to itself'
        raise refuse(context, obj, why)
