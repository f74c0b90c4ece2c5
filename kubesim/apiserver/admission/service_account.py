"""ServiceAccount: every Pod acts as somebody, and gets the papers to prove it.

A Pod that names no account acts as `default`; it cannot be created before that account exists, which is why
the first Pods of a new namespace may be refused for a moment. Unless automounting is off, a projected volume
with a token, the cluster's CA and the namespace's name is put into the Pod and mounted into its containers.
An account may insist that its Pods use no secrets but those that it lists.
Upstream: plugin/pkg/admission/serviceaccount.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.resources import PODS, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.validation.projections import TOKEN_PROJECTION

DEFAULT_ACCOUNT = "default"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
CONTAINER_LISTS = ("initContainers", "containers")
ENFORCE_ANNOTATION = "kubernetes.io/enforce-mountable-secrets"


class ServiceAccount(AdmissionPlugin):
    """Sets a Pod's account and mounts its token."""

    name = "ServiceAccount"

    def handles(self, target: Target) -> bool:
        """New Pods."""
        return target == (CREATE, PODS, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Pod with its account, pull secrets and token volume."""
        context, obj = attributes.context, attributes.obj
        spec: Object = obj.get("spec") or {}
        if MIRROR_ANNOTATION in (obj["metadata"].get("annotations") or {}):
            _check_mirror(attributes, spec)
            return obj
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT
        namespace = context.request.namespace
        account = self.lookup(SERVICE_ACCOUNTS, name, namespace)
        if account is None:
            raise attributes.refuse(
                f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            )
        if (account.object["metadata"].get("annotations") or {}).get(ENFORCE_ANNOTATION) == "true":
            for problem in foreign_secrets(spec, account.object):
                raise attributes.refuse(problem)
        changes: dict[str, Any] = {"serviceAccountName": name, "serviceAccount": name}
        if account.object.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            changes["imagePullSecrets"] = account.object["imagePullSecrets"]
        if _automounts(spec, account.object):
            changes |= _mounted(spec, VOLUME_PREFIX + context.sim.chance.name_suffix())
        return with_fields(obj, changes, "spec")


def _check_mirror(attributes: Attributes, spec: Object) -> None:
    """The copy of a static Pod acts as nobody and knows no secrets."""
    if spec.get("serviceAccountName"):
        raise attributes.refuse("a mirror pod may not reference service accounts")
    if next(_secrets_of(spec), None) is not None:
        raise attributes.refuse("a mirror pod may not reference secrets")


def _secrets_of(spec: Object) -> Iterator[tuple[str, str]]:
    """Where a Pod names a secret, and the secret's name."""
    for volume in spec.get("volumes") or ():
        if volume.get("secret"):
            yield "volume with", volume["secret"].get("secretName", "")
    for list_name, title in (("initContainers", "init container"), ("containers", "container")):
        for container in spec.get(list_name) or ():
            for variable in container.get("env") or ():
                source = (variable.get("valueFrom") or {}).get("secretKeyRef")
                if source:
                    where = f"{title} {container.get('name', '')} with envVar {variable.get('name', '')} referencing"
                    yield where, source.get("name", "")


def foreign_secrets(spec: Object, account: Object) -> Iterator[str]:
    """What is wrong with a Pod whose account lists the secrets that may be used."""
    name = account["metadata"]["name"]
    listed = {each.get("name") for each in account.get("secrets") or ()}
    for where, secret in _secrets_of(spec):
        if secret not in listed:
            what = f'{where} secret.secretName="{secret}"'
            yield f"{what} is not allowed because service account {name} does not reference that secret"
    pull = {each.get("name") for each in account.get("imagePullSecrets") or ()}
    for index, each in enumerate(spec.get("imagePullSecrets") or ()):
        if each.get("name") not in pull:
            what = f'imagePullSecrets[{index}].name="{each.get("name", "")}"'
            yield f"{what} is not allowed because service account {name} does not reference that imagePullSecret"


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
