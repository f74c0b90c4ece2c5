"""PodSecurity: how much a Pod may do to its node, as the labels of its namespace say.

`enforce` refuses Pods; `warn` tells whoever makes a Pod, or a workload with a template of one, what would be wrong
with it. Who sets `enforce` on a namespace hears which of the Pods that are already there break the new rule;
nothing happens to them.
Upstream: plugin/pkg/admission/security/podsecurity, k8s.io/pod-security-admission/admission. Left out: exemptions
(there are none by default), audit annotations.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.errors import invalid
from kubesim.api.meta import controller_of, field
from kubesim.api.resources import NAMESPACES, PODS
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.pod_security import PRIVILEGED, LevelVersion, evaluate, explain, policy_of
from kubesim.apiserver.pod_security.levels import stricter

# Where the template of a Pod lies.
TEMPLATES = {
    ("", "podtemplates"): "template",
    ("", "replicationcontrollers"): "spec.template",
    ("apps", "replicasets"): "spec.template",
    ("apps", "deployments"): "spec.template",
    ("apps", "statefulsets"): "spec.template",
    ("apps", "daemonsets"): "spec.template",
    ("batch", "jobs"): "spec.template",
    ("batch", "cronjobs"): "spec.jobTemplate.spec.template",
}
CHECKED_SUBRESOURCES = ("", "ephemeralcontainers", "resize")
PODS_MAX = 3000


class PodSecurity(AdmissionPlugin):
    """Holds Pods to the level of their namespace."""

    name = "PodSecurity"

    def handles(self, target: Target) -> bool:
        """Namespaces, Pods, and whatever has a template of Pods."""
        if target.operation not in (CREATE, UPDATE):
            return False
        if target.resource == PODS:
            return target.subresource in CHECKED_SUBRESOURCES
        is_workload = (target.resource.group, target.resource.plural) in TEMPLATES
        return not target.subresource and (is_workload or target.resource == NAMESPACES)

    def validate(self, attributes: Attributes) -> None:
        """Refuses, or warns."""
        resource = attributes.context.request.resource
        if resource == NAMESPACES:
            self._check_namespace(attributes)
            return
        namespace = self.lookup(NAMESPACES, attributes.context.request.namespace, "")
        labels = (namespace.object["metadata"].get("labels") or {}) if namespace is not None else {}
        if len(labels) <= 1:  # Its name alone, as nearly all namespaces.
            return
        policy, _ = policy_of(labels)
        if policy.enforce.level == policy.warn.level == PRIVILEGED:
            return
        obj = attributes.obj
        if resource != PODS:
            template = field(obj, TEMPLATES[resource.group, resource.plural])
            if template is not None:
                _warn(attributes, policy.warn, template.get("metadata") or {}, template.get("spec") or {})
            return
        if attributes.old is not None and not is_significant(obj, attributes.old):
            return
        metadata, spec = obj["metadata"], obj.get("spec") or {}
        violations = evaluate(policy.enforce, metadata, spec)
        if violations:
            raise attributes.refuse(f'violates PodSecurity "{policy.enforce}": {explain(violations)}')
        _warn(attributes, policy.warn, metadata, spec)

    def _check_namespace(self, attributes: Attributes) -> None:
        metadata = attributes.obj["metadata"]
        policy, problems = policy_of(metadata.get("labels") or {})
        if attributes.old is None:
            if problems:
                raise invalid(NAMESPACES, metadata["name"], problems)
            return
        old_policy, old_problems = policy_of(attributes.old["metadata"].get("labels") or {})
        if problems and problems != old_problems:
            raise invalid(NAMESPACES, metadata["name"], problems)
        new, old = policy.enforce, old_policy.enforce
        if new in (old, (PRIVILEGED, new.minor)) or (new.minor == old.minor and not stricter(new, old)):
            return
        pods = self.in_namespace(PODS, metadata["name"])
        for warning in warnings_about(pods, metadata["name"], new):
            warn(attributes, warning)


def warn(attributes: Attributes, text: str) -> None:
    """Says it once, however often the change has to be computed."""
    if text not in attributes.context.warnings:
        attributes.context.warnings.append(text)


def _warn(attributes: Attributes, wanted: LevelVersion, metadata: Object, spec: Object) -> None:
    violations = evaluate(wanted, metadata, spec)
    if violations:
        warn(attributes, f'would violate PodSecurity "{wanted}": {explain(violations)}')


def warnings_about(pods: Iterable[Stored], namespace: str, wanted: LevelVersion) -> list[str]:
    """What to say of Pods that break a level: once for each way of breaking it, with the first Pod's name."""
    ordered = _one_of_each_owner_first(pods)
    names_by_reason: dict[str, list[str]] = {}
    for pod in ordered[:PODS_MAX]:
        violations = evaluate(wanted, pod.object["metadata"], pod.object.get("spec") or {})
        if violations:
            names_by_reason.setdefault(", ".join(each.reason for each in violations), []).append(pod.name)
    warnings = []
    if len(ordered) > PODS_MAX:
        checked = f"the first {PODS_MAX} of {len(ordered)} existing pods"
        warnings.append(f"new PodSecurity enforce level only checked against {checked}")
    if names_by_reason:
        warnings.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{wanted}"'
        )
    return warnings + sorted(f"{_some(names)}: {reason}" for reason, names in names_by_reason.items())


def _some(names: list[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'})"


def _one_of_each_owner_first(pods: Iterable[Stored]) -> list[Stored]:
    first, more = [], []
    seen: set[str] = set()
    for pod in pods:
        owner = controller_of(pod.object)
        if owner is not None and owner["uid"] in seen:
            more.append(pod)
            continue
        first.append(pod)
        if owner is not None:
            seen.add(owner["uid"])
    return first + more


def is_significant(pod: Object, old: Object) -> bool:
    """Whether an update changes what the checks look at: images, or debug containers that were added."""
    spec, before = pod.get("spec") or {}, old.get("spec") or {}
    if spec is before:
        return False
    for name in ("containers", "initContainers"):
        images, old_images = ([each.get("image") for each in s.get(name) or ()] for s in (spec, before))
        if images != old_images:
            return True
    images_before = {each.get("name"): each.get("image") for each in before.get("ephemeralContainers") or ()}
    debug = spec.get("ephemeralContainers") or ()
    return any(images_before.get(each.get("name")) != each.get("image") for each in debug)
