"""NamespaceLifecycle: nothing is created where there is no namespace, or in one that is being emptied.

Without the second rule a namespace could never be emptied: its controllers would refill it. The namespaces
that the cluster itself lives in cannot be deleted.
Upstream: k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle.
"""

from __future__ import annotations

from kubesim.api.errors import not_found
from kubesim.api.resources import NAMESPACES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, DELETE, AdmissionPlugin, refuse
from kubesim.apiserver.context import RequestContext

IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(AdmissionPlugin):
    """Guards the beginning and the end of namespaces."""

    name = "NamespaceLifecycle"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        """Creations in a namespace, and deletions of namespaces."""
        if resource is NAMESPACES or resource.kind == "Namespace":
            return operation == DELETE
        return operation == CREATE and resource.namespaced

    def mutate(self, context: RequestContext, obj: Object, old: Object | None) -> Object:
        """Changes nothing, but comes first: no other plugin has to think of missing namespaces."""
        self.check(context, obj)
        return obj

    def check(self, context: RequestContext, obj: Object) -> None:
        """Raises if nothing may be created in the request's namespace."""
        name = context.request.namespace
        namespace = self.lookup(NAMESPACES, name, "")
        if namespace is None:
            raise not_found(NAMESPACES, name)
        if not namespace.object["metadata"].get("deletionTimestamp"):
            return
        error = refuse(context, obj, f"unable to create new content in namespace {name} because it is being terminated")
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        error.details = {**(error.details or {}), "causes": [cause]}
        raise error

    def validate_deletion(self, context: RequestContext, stored: Stored) -> None:
        """`namespaces "default" is forbidden: this namespace may not be deleted`."""
        if stored.name in IMMORTAL:
            raise refuse(context, stored.object, "this namespace may not be deleted")
