"""Which Secrets Pods refer to, and which keys of them: so much of a Secret must exist, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubesim.api.stored import Object

SecretKeys = dict[tuple[str, str], set[str]]  # Namespace and name -> keys.


def secrets_of(objects: list[Object]) -> SecretKeys:
    """All Secrets that Pods and templates of Pods refer to."""
    found: SecretKeys = {}
    for obj in objects:
        namespace = obj["metadata"].get("namespace", "default")
        for spec in pod_specs(obj):
            for name, key in references(spec):
                keys = found.setdefault((namespace, name), set())
                if key:
                    keys.add(key)
    return found


def pod_specs(obj: Object) -> Iterator[dict[str, Any]]:
    """The specs of Pods in an object: its own, its template's, its job's template's."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "Pod":
        yield spec
    template = spec.get("template") or ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        yield template["spec"]


def references(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name of a Secret and key; "" where no single key is meant."""
    for pull in spec.get("imagePullSecrets") or ():
        if pull.get("name"):
            yield pull["name"], ""
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            if secret := source.get("secret"):
                name = secret.get("secretName") or secret.get("name", "")
                yield name, ""
                yield from ((name, item["key"]) for item in secret.get("items") or ())
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for each in container.get("envFrom") or ():
            if each.get("secretRef"):
                yield each["secretRef"].get("name", ""), ""
        for variable in container.get("env") or ():
            if found := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                yield found.get("name", ""), found.get("key", "")
