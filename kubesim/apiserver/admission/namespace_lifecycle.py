"""NamespaceLifecycle: nothing is created where there is no namespace, or in one that is being emptied.

Without the second rule a namespace could never be emptied: its controllers would refill it. The namespaces
that the cluster itself lives in cannot be deleted.
Upstream: k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle.
"""

from __future__ import annotations

from kubesim.api.errors import not_found
from kubesim.api.resources import NAMESPACES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, DELETE, AdmissionPlugin, Attributes, Target

IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(AdmissionPlugin):
    """Guards the beginning and the end of namespaces."""

    name = "NamespaceLifecycle"

    def handles(self, target: Target) -> bool:
        """Creations in a namespace, and deletions of namespaces."""
        if target.resource == NAMESPACES:
            return target.operation == DELETE
        return target.operation == CREATE and target.resource.namespaced

    def mutate(self, attributes: Attributes) -> Object:
        """Changes nothing, but comes first: no other plugin has to think of missing namespaces."""
        name = attributes.context.request.namespace
        namespace = self.lookup(NAMESPACES, name, "")
        if namespace is None:
            raise not_found(NAMESPACES, name)
        if not namespace.object["metadata"].get("deletionTimestamp"):
            return attributes.obj
        error = attributes.refuse(f"unable to create new content in namespace {name} because it is being terminated")
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        error.details = {**(error.details or {}), "causes": [cause]}
        raise error

    def validate_deletion(self, attributes: Attributes) -> None:
        """`namespaces "default" is forbidden: this namespace may not be deleted`."""
        if attributes.obj["metadata"]["name"] in IMMORTAL:
            raise attributes.refuse("this namespace may not be deleted")
