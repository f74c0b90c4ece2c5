"""NodeRestriction: a node that has been broken into can harm nobody but itself.

A kubelet may change its own Node and the Pods bound to it, no others; it may not choose its own taints once
it is registered, and may create no Pods but mirrors of its static ones.
Upstream: plugin/pkg/admission/noderestriction. Left out: label prefixes, tokens, volumes.
"""

from __future__ import annotations

from kubesim.api.meta import field
from kubesim.api.resources import LEASES, NODES, PODS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import AdmissionPlugin, Attributes, Target
from kubesim.apiserver.admission.service_account import MIRROR_ANNOTATION
from kubesim.apiserver.authn import node_name

LEASE_NAMESPACE = "kube-node-lease"


class NodeRestriction(AdmissionPlugin):
    """Keeps kubelets to their own node."""

    name = "NodeRestriction"

    def handles(self, target: Target) -> bool:
        """Nodes, Pods and Leases."""
        return target.resource in (NODES, PODS, LEASES)

    def mutate(self, attributes: Attributes) -> Object:
        """Changes nothing; refuses early, as upstream."""
        context = attributes.context
        node = node_name(context.user)
        if node:
            resource = context.request.resource
            if resource == LEASES:
                _check_lease(attributes, node)
            elif resource == NODES:
                _check_node(attributes, node)
            else:
                _check_pod(attributes, node)
        return attributes.obj

    def validate_deletion(self, attributes: Attributes) -> None:
        """A kubelet deletes the Pods that ended on its node."""
        context = attributes.context
        node = node_name(context.user)
        if not node:
            return
        if context.request.resource == NODES:
            raise attributes.refuse(f'node "{node}" is not allowed to delete nodes')
        if context.request.resource == PODS and field(attributes.obj, "spec.nodeName") != node:
            why = f'node "{node}" can only delete pods with spec.nodeName set to itself'
            raise attributes.refuse(why)


def _check_node(attributes: Attributes, node: str) -> None:
    context, obj, old = attributes.context, attributes.obj, attributes.old
    name = obj["metadata"].get("name", "")
    if name != node:
        raise attributes.refuse(f'node "{node}" is not allowed to modify node "{name}"')
    # What a PUT of the status says about taints is dropped anyway.
    if old is not None and not context.request.subresource and field(obj, "spec.taints") != field(old, "spec.taints"):
        raise attributes.refuse(f'node "{node}" is not allowed to modify taints')


def _check_lease(attributes: Attributes, node: str) -> None:
    if attributes.context.request.namespace != LEASE_NAMESPACE:
        raise attributes.refuse(f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
    if attributes.obj["metadata"].get("name") != node:
        raise attributes.refuse("can only access node lease with the same name as the requesting node")


def _check_pod(attributes: Attributes, node: str) -> None:
    context, obj, old = attributes.context, attributes.obj, attributes.old
    if old is not None:
        if context.request.subresource != "status":
            raise attributes.refuse(f'node "{node}" can only update pod status')
        if field(old, "spec.nodeName") != node:
            why = f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
            raise attributes.refuse(why)
        return
    if context.request.subresource:
        return
    if MIRROR_ANNOTATION not in (obj["metadata"].get("annotations") or {}):
        why = f'pod does not have "{MIRROR_ANNOTATION}" annotation, node "{node}" can only create mirror pods'
        raise attributes.refuse(why)
    if field(obj, "spec.nodeName") != node:
        why = f'node "{node}" can only create pods with spec.nodeName set to itself'
        raise attributes.refuse(why)
