"""What is accepted in a Pod or a template, but will hardly do what its author thinks.

Left out: annotations for seccomp and AppArmor. Upstream: pkg/api/pod/warnings.go, pkg/api/node/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.addresses import address_warnings
from kubesim.apiserver.validation.names import dns_label, label_value
from kubesim.apiserver.validation.scheduling import PREFERRED, REQUIRED

NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
VOLUME_NAMES = {"storageos": "storageOS"}
BYTES = ("memory", "ephemeral-storage")
MATCHES_NONE = "a null labelSelector results in matching no pod"
GRACE = "must be >= 0; negative values are invalid and will be treated as 1"

Object = dict[str, Any]


def name_warnings(name: str, used_in: str) -> list[str]:
    """A name with dots becomes a host name with dots."""
    wrong = dns_label(name)
    if not wrong:
        return []
    return [
        f"metadata.name: this is used in {used_in}, which can result in surprising behavior; a DNS label is "
        f"recommended: [{' '.join(wrong)}]"
    ]


def pod_warnings(spec: Object, metadata: Object, path: str = "") -> list[str]:
    """The warnings about a Pod, or about a template that lies at `path`."""
    prefix = f"{path}." if path else ""
    at = f"{prefix}spec"
    found = _nodes(spec, at)
    for key, words in ANNOTATIONS.items():
        if key in (metadata.get("annotations") or {}):
            found.append(f"{prefix}metadata.annotations[{key}]: {words}")
    found += _volumes(spec, at) + _duplicates(spec, at)
    found += _fractions(spec.get("overhead") or {}, f"{at}.overhead")
    for container, where in _containers(spec, at):
        resources = container.get("resources") or {}
        for name in BYTES:
            for kind in ("limits", "requests"):
                found += _fractions(resources.get(kind) or {}, f"{where}.resources.{kind}", name)
        found += _environment(container.get("env") or [], f"{where}.env")
    found += _ports(spec, at)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        found.append(f"{at}.terminationGracePeriodSeconds: {GRACE}")
    return found + _other_pods(spec.get("affinity") or {}, f"{at}.affinity") + _addresses(spec, at)


def template_warnings(template: Object, path: str) -> list[str]:
    """The warnings about a template."""
    return pod_warnings(template.get("spec") or {}, template.get("metadata") or {}, path)


def storage_warnings(resources: Object, path: str) -> list[str]:
    """Half a byte of storage is none."""
    found = []
    for kind in ("requests", "limits"):
        found += _fractions(resources.get(kind) or {}, f"{path}.resources.{kind}", "storage")
    return found


def node_term_warnings(term: Object, path: str, *, check_values: bool) -> list[str]:
    """Labels of nodes that are out of use."""
    found = []
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        key = requirement.get("key", "")
        if key in NODE_LABELS:
            found.append(f"{path}.matchExpressions[{index}].key: {key} is {NODE_LABELS[key]}")
        for number, value in enumerate(requirement.get("values") or () if check_values else ()):
            at = f"{path}.matchExpressions[{index}].values[{number}]"
            found += [f"{at}: {value} is invalid, {words}" for words in label_value(value)]
    return found


def _containers(spec: Object, path: str) -> Iterator[tuple[Object, str]]:
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(name) or ()):
            yield container, f"{path}.{name}[{index}]"


def _nodes(spec: Object, path: str) -> list[str]:
    found = [
        f"{path}.nodeSelector[{key}]: {NODE_LABELS[key]}"
        for key in spec.get("nodeSelector") or ()
        if key in NODE_LABELS
    ]
    nodes = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    at = f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((nodes.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        found += node_term_warnings(term, f"{at}.{REQUIRED}.nodeSelectorTerms[{index}]", check_values=False)
    for index, term in enumerate(nodes.get(PREFERRED) or ()):
        preference = term.get("preference") or {}
        found += node_term_warnings(preference, f"{at}.{PREFERRED}[{index}].preference", check_values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey")
        if key in NODE_LABELS:
            found.append(f"{where}.topologyKey: {key} is {NODE_LABELS[key]}")
        if constraint.get("labelSelector") is None:
            found.append(f"{where}.labelSelector: {MATCHES_NONE}")
    return found


def _volumes(spec: Object, path: str) -> list[str]:
    found = []
    for index, volume in enumerate(spec.get("volumes") or ()):
        at = f"{path}.volumes[{index}]"
        for name, words in VOLUMES.items():
            if volume.get(name) is not None:
                found.append(f"{at}.{VOLUME_NAMES.get(name, name)}: {words}")
        claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if claim:
            resources = (claim.get("spec") or {}).get("resources") or {}
            found += storage_warnings(resources, f"{at}.ephemeral.volumeClaimTemplate.spec")
    return found


def _duplicates(spec: Object, path: str) -> list[str]:
    found = []
    for field, key in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen = set()
        for index, item in enumerate(spec.get(field) or ()):
            value = item.get(key) or ""
            if value in seen:
                found.append(f'{path}.{field}[{index}].{key}: duplicate {key} "{value}"')
            seen.add(value)
    for index, item in enumerate(spec.get("imagePullSecrets") or ()):
        if not item.get("name"):
            found.append(f'{path}.imagePullSecrets[{index}].name: invalid empty name ""')
    return found


def _fractions(amounts: Object, path: str, *names: str) -> list[str]:
    return [
        f'{path}[{name}]: fractional byte value "{canonical(amounts[name])}" is invalid, must be an integer'
        for name in names or BYTES
        if name in amounts and parse(amounts[name]).nano % 1_000_000_000
    ]


def _environment(variables: list[Object], path: str) -> list[str]:
    """A later variable of the same name hides the earlier, unless it refers to it."""
    found, seen = [], set()
    for index, variable in enumerate(variables):
        name, value = variable.get("name") or "", variable.get("value") or ""
        reference = f"$({name})"
        if name in seen and (variable.get("valueFrom") is not None or value == reference or reference not in value):
            words = f'hides previous definition of "{name}", which may be dropped when using apply'
            found.append(f"{path}[{index}]: {words}")
        seen.add(name)
    return found


def _ports(spec: Object, path: str) -> list[str]:
    found: list[str] = []
    known: dict[str, list[tuple[Object, str]]] = {}
    for container, at in _containers(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            where = f"{at}.ports[{index}]"
            others = known.setdefault(f"{port.get('containerPort', 0)}/{port.get('protocol', 'TCP')}", [])
            found += [
                f"{where}: {words} port definition with {place}"
                for other, place in others
                if (words := _clash(port, other))
            ]
            others.append((port, where))
    return found


def _clash(port: Object, other: Object) -> str:
    addresses = [each.get("hostIP") or "" for each in (port, other)]
    numbers = [each.get("hostPort") or 0 for each in (port, other)]
    if addresses[0] == addresses[1] and numbers[0] == numbers[1]:
        return "duplicate"
    if 0 in numbers:
        return "overlapping"
    return "dangerously ambiguous" if numbers[0] == numbers[1] and addresses.count("") == 1 else ""


def _other_pods(affinity: Object, path: str) -> list[str]:
    found = []
    for name in ("podAffinity", "podAntiAffinity"):
        terms: Object = affinity.get(name) or {}
        for index, term in enumerate(terms.get(REQUIRED) or ()):
            if term.get("labelSelector") is None:
                found.append(f"{path}.{name}.{REQUIRED}[{index}].labelSelector: {MATCHES_NONE}")
        for index, term in enumerate(terms.get(PREFERRED) or ()):
            if (term.get("podAffinityTerm") or {}).get("labelSelector") is None:
                found.append(f"{path}.{name}.{PREFERRED}[{index}].podAffinityTerm.labelSelector: {MATCHES_NONE}")
    return found


def _addresses(spec: Object, path: str) -> list[str]:
    found = []
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found += address_warnings(server, f"{path}.dnsConfig.nameservers[{index}]")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        found += address_warnings(alias.get("ip") or "", f"{path}.hostAliases[{index}].ip")
    return found
