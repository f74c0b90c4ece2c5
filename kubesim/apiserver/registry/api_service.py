"""The strategy of APIServices: a group and version, and the server that answers for it.

Upstream: pkg/apis/apiregistration/validation in k8s.io/kube-aggregator.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.field import each, invalid, required
from kubesim.apiserver.validation.names import Problems, dns_1035_label, dns_subdomain, path_segment, port_number

GROUP_PRIORITY_MAX, VERSION_PRIORITY_MAX = 20_000, 1_000
EMPTY_GROUP = "only v1 may have an empty group and it better be legacy kube"


class APIServiceStrategy(Strategy):
    """Its name is VERSION.GROUP; without a service it is this server that answers."""

    def name_problems(self, name: str) -> Problems:
        """A part of a path; which one, its spec says."""
        return path_segment(name)

    def validate(self, obj: Object) -> list[FieldError]:
        """Name, group, version, priorities and service."""
        spec, name = obj.get("spec") or {}, obj["metadata"].get("name", "")
        group, version = spec.get("group", ""), spec.get("version", "")
        problems: list[FieldError] = []
        wanted = f"{version}.{group}"
        if name != wanted:
            problems.append(invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"'))
        if not group and version != "v1":
            problems.append(required("spec.group", EMPTY_GROUP))
        if group:
            problems += each("spec.group", group, dns_subdomain(group))
        problems += each("spec.version", version, dns_1035_label(version))
        problems += _priority(spec, "groupPriorityMinimum", GROUP_PRIORITY_MAX)
        problems += _priority(spec, "versionPriority", VERSION_PRIORITY_MAX)
        return problems + _service(spec)


def _priority(spec: Object, name: str, limit: int) -> list[FieldError]:
    value = spec.get(name) or 0
    if 0 < value <= limit:
        return []
    return [invalid(f"spec.{name}", value, f"must be positive and less than {limit}")]


def _service(spec: Object) -> list[FieldError]:
    service, bundle, insecure = spec.get("service"), spec.get("caBundle"), spec.get("insecureSkipTLSVerify")
    problems: list[FieldError] = []
    if service is None:
        if bundle:
            problems.append(
                invalid("spec.caBundle", f"{len(bundle)} bytes", "local APIServices may not have a caBundle")
            )
        if insecure:
            words = "local APIServices may not have insecureSkipTLSVerify"
            problems.append(invalid("spec.insecureSkipTLSVerify", insecure, words))
        return problems
    problems += [required(f"spec.service.{name}") for name in ("namespace", "name") if not service.get(name)]
    port = service.get("port", 443)
    problems += [invalid("spec.service.port", port, f"port is not valid: {words}") for words in port_number(port)]
    if insecure and bundle:
        problems.append(invalid("spec.insecureSkipTLSVerify", insecure, "may not be true if caBundle is present"))
    return problems
