"""ServiceAccount: every Pod acts as somebody, and gets the papers to prove it.

A Pod that names no account acts as `default`; it cannot be created before that account exists, which is why
the first Pods of a new namespace may be refused for a moment. Unless automounting is off, a projected volume
with a token, the cluster's CA and the namespace's name is put into the Pod and mounted into its containers.
Upstream: plugin/pkg/admission/serviceaccount.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes, Target

DEFAULT_ACCOUNT = "default"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
# One hour and seven seconds: a token that gives away that nobody chose its lifetime.
TOKEN_SECONDS = 3607
CONTAINER_LISTS = ("initContainers", "containers")
# What is mounted is the same in every Pod, so they all share it.
_NAMESPACE = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
TOKEN_PROJECTION: Object = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [_NAMESPACE]}},
    ],
    "defaultMode": 420,
}


class ServiceAccount(AdmissionPlugin):
    """Sets a Pod's account and mounts its token."""

    name = "ServiceAccount"

    def handles(self, target: Target) -> bool:
        """New Pods."""
        return target == (CREATE, PODS, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with its account, pull secrets and token volume."""
        context, obj = attributes.context, attributes.obj
        if MIRROR_ANNOTATION in (obj["metadata"].get("annotations") or {}):
            return obj
        spec: Object = obj.get("spec") or {}
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT
        namespace = context.request.namespace
        account = self.lookup(SERVICE_ACCOUNTS, name, namespace)
        if account is None:
            raise attributes.refuse(
                f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            )
        changes: dict[str, Any] = {"serviceAccountName": name, "serviceAccount": name}
        if account.object.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            changes["imagePullSecrets"] = account.object["imagePullSecrets"]
        if _automounts(spec, account.object):
            changes |= _mounted(spec, VOLUME_PREFIX + context.sim.chance.name_suffix())
        return with_fields(obj, changes, "spec")


def _automounts(spec: Object, account: Object) -> bool:
    """The Pod's word counts first, then the account's; both are silent as a rule, which means yes."""
    for holder in (spec, account):
        if holder.get("automountServiceAccountToken") is not None:
            return bool(holder["automountServiceAccountToken"])
    return True


def _mounted(spec: Object, volume: str) -> dict[str, Any]:
    """The changed lists of a Pod's spec: the volume, and a mount in every container that has none of its own."""
    changes: dict[str, Any] = {}
    mount = {"name": volume, "readOnly": True, "mountPath": MOUNT_PATH}
    needed = False
    for name in CONTAINER_LISTS:
        containers = spec.get(name)
        if not containers:
            continue
        changes[name] = [_with_mount(container, mount) for container in containers]
        needed = needed or any(new is not old for new, old in zip(changes[name], containers, strict=True))
    if not needed:
        return {}
    return {**changes, "volumes": [*(spec.get("volumes") or ()), _token_volume(volume)]}


def _with_mount(container: Object, mount: Object) -> Object:
    mounts = container.get("volumeMounts") or []
    if any(present.get("mountPath") == MOUNT_PATH for present in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_volume(name: str) -> Object:
    return {"name": name, "projected": TOKEN_PROJECTION}
