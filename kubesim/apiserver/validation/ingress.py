"""What is wrong with Ingresses and their classes.

Upstream: pkg/apis/networking/validation.
"""

from __future__ import annotations

import re
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import parse_address
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_supported, required, too_long
from kubesim.apiserver.validation.names import (
    dns_label,
    dns_subdomain,
    path_segment,
    port_name,
    port_number,
    wildcard_subdomain,
)

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
NOT_IN_PATHS, NOT_AT_END = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")
ABSOLUTE = "must be an absolute path"
SCOPES = ("Cluster", "Namespace")
CONTROLLER_LENGTH_MAX = 250
HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_http_path_match = re.compile(HTTP_PATH).fullmatch

Object = dict[str, Any]


def validate_ingress(spec: Object) -> list[FieldError]:
    """Something must be said, and hosts, paths and backends must be such."""
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    problems: list[FieldError] = []
    if not rules and backend is None:
        problems.append(invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        problems += _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        problems += _rule(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        at = f"spec.tls[{index}]"
        for number, host in enumerate(tls.get("hosts") or ()):
            problems += _host(host, f"{at}.hosts[{number}]")
        if secret := tls.get("secretName"):
            problems += each(f"{at}.secretName", secret, dns_subdomain(secret))
    if (name := spec.get("ingressClassName")) is not None:
        problems += each("spec.ingressClassName", name, dns_subdomain(name))
    return problems


def _host(host: str, path: str) -> list[FieldError]:
    return each(path, host, wildcard_subdomain(host) if "*" in host else dns_subdomain(host))


def _rule(rule: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    if host := rule.get("host"):
        if parse_address(host) is not None:
            problems.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
        problems += _host(host, f"{path}.host")
    http = rule.get("http")
    if http is None:
        return problems
    if not http.get("paths"):
        problems.append(required(f"{path}.http.paths"))
    for index, entry in enumerate(http.get("paths") or ()):
        problems += _path(entry, f"{path}.http.paths[{index}]")
    return problems


def _path(entry: Object, at: str) -> list[FieldError]:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    where = f"{at}.path"
    if kind is None:
        return [required(f"{at}.pathType", "pathType must be specified")]
    problems: list[FieldError] = []
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            problems.append(invalid(where, text, ABSOLUTE))
        problems += [invalid(where, text, f"must not contain '{part}'") for part in NOT_IN_PATHS if part in text]
        problems += [invalid(where, text, f"cannot end with '{end}'") for end in NOT_AT_END if text.endswith(end)]
    elif kind == "ImplementationSpecific":
        problems += [invalid(where, text, ABSOLUTE)] if text and not text.startswith("/") else []
    else:
        problems.append(not_supported(f"{at}.pathType", kind, PATH_TYPES))
    return problems + _backend(entry.get("backend") or {}, f"{at}.backend")


def _backend(backend: Object, path: str) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if resource is not None:
        if service is not None:
            return [invalid(path, "", "cannot set both resource and service backends")]
        return _reference(resource, f"{path}.resource")
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    at, name = f"{path}.service", service.get("name") or ""
    problems = each(f"{at}.name", name, dns_label(name)) if name else [required(f"{at}.name")]
    port: Object = service.get("port") or {}
    if port.get("name") and port.get("number"):
        return [*problems, invalid(path, "", "cannot set both port name & port number")]
    if port.get("name"):
        return problems + each(f"{at}.port.name", port["name"], port_name(port["name"]))
    if port.get("number"):
        return problems + each(f"{at}.port.number", port["number"], port_number(port["number"]))
    return [*problems, required(path, "port name or number is required")]


def _reference(reference: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    if reference.get("apiGroup") is not None:
        problems += each(f"{path}.apiGroup", reference["apiGroup"], dns_subdomain(reference["apiGroup"]))
    for name in ("kind", "name"):
        at, value = f"{path}.{name}", reference.get(name) or ""
        problems += each(at, value, path_segment(value)) if value else [required(at)]
    return problems


def ingress_annotation_problems(annotation: str | None, name: str | None) -> list[FieldError]:
    """The old way to name a class must agree with the new one."""
    if annotation is None or name is None or annotation == name:
        return []
    words = "must match `ingressClassName` when both are specified"
    return [invalid("annotations.kubernetes.io/ingress.class", annotation, words)]


def validate_ingress_class(spec: Object) -> list[FieldError]:
    """Who serves it, and with which parameters."""
    at, controller = "spec.controller", spec.get("controller") or ""
    problems = [] if controller else [required(at)]
    if controller:
        if len(controller) > CONTROLLER_LENGTH_MAX:
            problems.append(too_long(at, CONTROLLER_LENGTH_MAX))
        domain, _, rest = controller.partition("/")
        if not domain or not rest:
            problems.append(invalid(at, controller, 'must be a domain-prefixed path (such as "acme.io/foo")'))
        else:
            problems += each(at, domain, dns_subdomain(domain))
            if not _http_path_match(rest):
                words = f"Invalid path (regex used for validation is '{HTTP_PATH}')"
                problems.append(invalid(at, rest, words))
    parameters = spec.get("parameters")
    return problems + (_parameters(parameters, "spec.parameters") if parameters is not None else [])


def _parameters(parameters: Object, path: str) -> list[FieldError]:
    problems = _reference(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope not in SCOPES:
        at = f"{path}.scope"
        return [*problems, not_supported(at, scope, SCOPES) if scope is not None else required(at)]
    at = f"{path}.namespace"
    if scope == "Namespace":
        if namespace is None:
            return [*problems, required(at, "`parameters.scope` is set to 'Namespace'")]
        return problems + each(at, namespace, dns_label(namespace))
    if namespace is not None:
        problems.append(forbidden(at, "`parameters.scope` is set to 'Cluster'"))
    return problems
