"""Roles and bindings, certificates, admission configurations, extensions, flow control.

Upstream: printRoleBinding, printCertificateSigningRequest, printValidatingWebhook, printFlowSchema, …
"""

from __future__ import annotations

from typing import Any

from kubesim.api.stored import Object
from kubesim.apiserver.http.table.columns import (
    AGE,
    CREATED_AT,
    DEFAULT,
    NAME,
    NONE,
    Column,
    Moment,
    Printer,
    age_of,
    duration,
    name_of,
    spec_of,
    status_of,
    wide,
)

SUBJECT_KINDS = ("User", "Group", "ServiceAccount")


def _binding(binding: Object, now: Moment) -> list[Any]:
    role = binding.get("roleRef") or {}
    names: dict[str, list[str]] = {kind: [] for kind in SUBJECT_KINDS}
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            name = f"{subject.get('namespace', '')}/{name}"
        names.setdefault(kind, []).append(name)
    texts = [", ".join(names[kind]) for kind in SUBJECT_KINDS]
    return [name_of(binding), f"{role.get('kind', '')}/{role.get('name', '')}", age_of(binding, now), *texts]


def _signing_request(request: Object, now: Moment) -> list[Any]:
    spec = spec_of(request)
    expires = spec.get("expirationSeconds")
    return [
        name_of(request),
        age_of(request, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if expires is None else duration(expires * 1_000_000_000),
        _signing_status(status_of(request)),
    ]


def _signing_status(status: Object) -> str:
    types = {condition["type"] for condition in status.get("conditions") or ()}
    words = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    if "Failed" in types:
        words += ",Failed"
    return f"{words},Issued" if status.get("certificate") else words


def _webhooks(configuration: Object, now: Moment) -> list[Any]:
    return [name_of(configuration), len(configuration.get("webhooks") or ()), age_of(configuration, now)]


def _policy(policy: Object, now: Moment) -> list[Any]:
    spec = spec_of(policy)
    return [name_of(policy), len(spec.get("validations") or ()), _parameter_kind(spec), age_of(policy, now)]


def _mutating_policy(policy: Object, now: Moment) -> list[Any]:
    spec = spec_of(policy)
    return [name_of(policy), len(spec.get("mutations") or ()), _parameter_kind(spec), age_of(policy, now)]


def _parameter_kind(spec: Object) -> str:
    kind = spec.get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def _policy_binding(binding: Object, now: Moment) -> list[Any]:
    spec = spec_of(binding)
    parameter = spec.get("paramRef")
    text = "<unset>"
    if parameter:
        namespace = parameter.get("namespace")
        name = parameter.get("name") or "*"
        text = f"{namespace}/{name}" if namespace else name
    return [name_of(binding), spec.get("policyName", ""), text, age_of(binding, now)]


def _api_service(service: Object, now: Moment) -> list[Any]:
    target = spec_of(service).get("service")
    where = f"{target['namespace']}/{target['name']}" if target else "Local"
    available = "Unknown"
    for condition in status_of(service).get("conditions") or ():
        if condition["type"] == "Available":
            available = condition["status"]
            if available != "True":
                available = f"{available} ({condition.get('reason', '')})"
    return [name_of(service), where, available, age_of(service, now)]


def _flow_schema(schema: Object, now: Moment) -> list[Any]:
    spec = spec_of(schema)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    distinguisher = (spec.get("distinguisherMethod") or {}).get("type") or NONE
    dangling = "?"
    for condition in status_of(schema).get("conditions") or ():
        if condition["type"] == "Dangling":
            dangling = condition["status"]
    return [name_of(schema), level, spec.get("matchingPrecedence", 0), distinguisher, age_of(schema, now), dangling]


def _priority_level(level: Object, now: Moment) -> list[Any]:
    spec = spec_of(level)
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    shares = limited.get("nominalConcurrencyShares") if limited else None
    sizes = [queuing.get(name, NONE) for name in ("queues", "handSize", "queueLengthLimit")]
    return [name_of(level), spec.get("type", ""), NONE if shares is None else shares, *sizes, age_of(level, now)]


_WEBHOOKS = Printer((NAME, Column("Webhooks", "integer"), AGE), _webhooks)
_BINDINGS = Printer((NAME, Column("PolicyName"), Column("ParamRef"), AGE), _policy_binding)
_ROLE_BINDING = Printer((NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), _binding)
_ADMISSION, _RBAC, _FLOW = "admissionregistration.k8s.io", "rbac.authorization.k8s.io", "flowcontrol.apiserver.k8s.io"
PRINTERS = {
    (_RBAC, "Role"): Printer((NAME, CREATED_AT), DEFAULT.cells),
    (_RBAC, "ClusterRole"): Printer((NAME, CREATED_AT), DEFAULT.cells),
    (_RBAC, "RoleBinding"): _ROLE_BINDING,
    (_RBAC, "ClusterRoleBinding"): _ROLE_BINDING,
    ("certificates.k8s.io", "CertificateSigningRequest"): Printer(
        (
            NAME,
            AGE,
            Column("SignerName"),
            Column("Requestor"),
            Column("RequestedDuration"),
            Column("Condition"),
        ),
        _signing_request,
    ),
    (_ADMISSION, "MutatingWebhookConfiguration"): _WEBHOOKS,
    (_ADMISSION, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    (_ADMISSION, "ValidatingAdmissionPolicy"): Printer(
        (NAME, Column("Validations", "integer"), Column("ParamKind"), AGE), _policy
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): Printer(
        (NAME, Column("Mutations", "integer"), Column("ParamKind"), AGE), _mutating_policy
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): _BINDINGS,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): _BINDINGS,
    ("apiregistration.k8s.io", "APIService"): Printer(
        (NAME, Column("Service"), Column("Available"), AGE), _api_service
    ),
    (_FLOW, "FlowSchema"): Printer(
        (
            NAME,
            Column("PriorityLevel"),
            Column("MatchingPrecedence"),
            Column("DistinguisherMethod"),
            AGE,
            Column("MissingPL"),
        ),
        _flow_schema,
    ),
    (_FLOW, "PriorityLevelConfiguration"): Printer(
        (
            NAME,
            Column("Type"),
            Column("NominalConcurrencyShares"),
            Column("Queues"),
            Column("HandSize"),
            Column("QueueLengthLimit"),
            AGE,
        ),
        _priority_level,
    ),
}
