"""What policies and webhooks are told of a request: an AdmissionRequest, and the object in the request's view.

Of `scale` they see the Scale and not the object behind it.

Upstream: k8s.io/apiserver/pkg/admission/plugin/{cel/condition.go,webhook/request/admissionreview.go}.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import NAMESPACES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, DELETE, Attributes

SCALE = ("autoscaling", "v1", "Scale")
_OPTIONS = {CREATE: "CreateOptions", DELETE: "DeleteOptions"}
_COPIED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def admission_request(attributes: Attributes, uid: str = "") -> Object:
    """The fields of an AdmissionRequest but the objects."""
    request, resource = attributes.context.request, attributes.context.request.resource
    subresource = request.subresource
    kind = SCALE if subresource == "scale" else (resource.group, resource.version, resource.kind)
    kinds = dict(zip(("group", "version", "kind"), kind, strict=True))
    resources = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    user = attributes.context.user
    made: Object = {"uid": uid, "kind": kinds, "resource": resources}
    if subresource:
        made["subResource"] = subresource
    made.update(requestKind=kinds, requestResource=resources)
    if subresource:
        made["requestSubResource"] = subresource
    if name := attributes.name:
        made["name"] = name
    if namespace := _namespace(attributes):
        made["namespace"] = namespace
    made["operation"] = attributes.operation
    made["userInfo"] = {"username": user.name, **({"groups": list(user.groups)} if user.groups else {})}
    made["dryRun"] = bool(request.options.dry_run)
    made["options"] = _options(attributes)
    return made


def _namespace(attributes: Attributes) -> str:
    """A Namespace counts as being in itself."""
    request = attributes.context.request
    return attributes.name if request.resource == NAMESPACES else request.namespace


def _options(attributes: Attributes) -> Object:
    options = attributes.context.request.options
    verb = attributes.context.request.verb
    kind = "PatchOptions" if verb == "patch" else _OPTIONS.get(attributes.operation, "UpdateOptions")
    made: dict[str, Any] = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        made["dryRun"] = ["All"]
    if options.field_manager:
        made["fieldManager"] = options.field_manager
    if options.field_validation:
        made["fieldValidation"] = options.field_validation
    return made


def shown(attributes: Attributes, obj: Object | None) -> Object | None:
    """An object as the request sees it."""
    if obj is None or attributes.context.request.subresource != "scale":
        return obj
    metadata = {name: obj["metadata"][name] for name in _COPIED if name in obj["metadata"]}
    replicas = (obj.get("spec") or {}).get("replicas", 1)
    status = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    api_version, kind = f"{SCALE[0]}/{SCALE[1]}", SCALE[2]
    return {
        "kind": kind,
        "apiVersion": api_version,
        "metadata": metadata,
        "spec": {"replicas": replicas},
        "status": status,
    }
