"""What rules, selectors, match conditions and their expressions must look like, in policies and webhooks alike.

Upstream: pkg/apis/admissionregistration/validation, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.admission.policy_expressions import Compiler
from kubesim.apiserver.cel import BOOL
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import label_value, path_segment, qualified_name

ANY = "*"
OPERATIONS = (ANY, "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = (ANY, "Cluster", "Namespaced")
MATCH_POLICIES = ("Equivalent", "Exact")
FAILURE_POLICIES = ("Fail", "Ignore")
CONDITIONS_MAX = 64
Problems = list[FieldError]


def validate_rule(rule: Object, path: str) -> Problems:
    """operations, apiGroups, apiVersions, resources, scope."""
    operations = rule.get("operations") or []
    problems = _wildcard_alone(operations, f"{path}.operations", "operations")
    for index, operation in enumerate(operations):
        if operation not in OPERATIONS:
            problems.append(not_supported(f"{path}.operations[{index}]", operation, OPERATIONS))
    problems += _wildcard_alone(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups")
    versions = rule.get("apiVersions") or []
    problems += _wildcard_alone(versions, f"{path}.apiVersions", "API versions")
    problems += [required(f"{path}.apiVersions[{at}]") for at, version in enumerate(versions) if not version]
    problems += _resources(rule.get("resources") or [], f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in SCOPES:
        problems.append(not_supported(f"{path}.scope", scope, SCOPES))
    return problems


def _wildcard_alone(values: Sequence[str], path: str, what: str) -> Problems:
    if not values:
        return [required(path)]
    if len(values) > 1 and ANY in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources(resources: Sequence[str], path: str) -> Problems:
    if not resources:
        return [required(path)]
    problems = []
    whole: set[str] = set()  # x of x/*
    everywhere: set[str] = set()  # y of */y
    for index, one in enumerate(resources):
        here = f"{path}[{index}]"
        if not one:
            problems.append(required(here))
            continue
        resource, slash, subresource = one.partition("/")
        if not slash:
            continue
        if resource in whole:
            problems.append(invalid(here, one, f"if '{resource}/*' is present, must not specify {one}"))
        if subresource in everywhere:
            problems.append(invalid(here, one, f"if '*/{subresource}' is present, must not specify {one}"))
        if subresource == ANY:
            whole.add(resource)
        if resource == ANY:
            everywhere.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        problems.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if ANY in resources and any("/" not in one and one != ANY for one in resources):
        words = "if '*' is present, must not specify other resources without subresources"
        problems.append(invalid(path, resources, words))
    return problems


def validate_named_rule(rule: Object, path: str) -> Problems:
    """A rule that may name objects."""
    problems = []
    seen: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        here = f"{path}.resourceNames[{index}]"
        problems += [invalid(here, name, words) for words in path_segment(name)]
        if name in seen:
            problems.append(duplicate(here, name))
        seen.add(name)
    return problems + validate_rule(rule, path)


def validate_match_resources(match: Object | None, path: str) -> Problems:
    """matchConstraints, matchResources."""
    if match is None:
        return []
    problems = []
    policy = match.get("matchPolicy")
    if policy not in MATCH_POLICIES:
        problems.append(not_supported(f"{path}.matchPolicy", policy, MATCH_POLICIES))
    for name in ("namespaceSelector", "objectSelector"):
        problems += validate_selector(match.get(name) or {}, f"{path}.{name}")
    for name in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(name) or ()):
            problems += validate_named_rule(rule, f"{path}.{name}[{index}]")
    return problems


def validate_selector(selector: Object, path: str) -> Problems:
    """A label selector."""
    problems = []
    for key, value in (selector.get("matchLabels") or {}).items():
        problems += [invalid(f"{path}.matchLabels", key, words) for words in qualified_name(key)]
        problems += [invalid(f"{path}.matchLabels", value, words) for words in label_value(value)]
    for index, requirement in enumerate(selector.get("matchExpressions") or ()):
        problems += _requirement(requirement, f"{path}.matchExpressions[{index}]")
    return problems


def _requirement(requirement: Object, path: str) -> Problems:
    problems = []
    key, operator, values = requirement.get("key", ""), requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            problems.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            problems.append(forbidden(f"{path}.values", words))
    else:
        problems.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    problems += [invalid(f"{path}.key", key, words) for words in qualified_name(key)]
    for index, value in enumerate(values):
        problems += [invalid(f"{path}.values[{index}]", value, words) for words in label_value(value)]
    return problems


def validate_match_conditions(conditions: Sequence[Object] | None, path: str, *, has_params: bool) -> Problems:
    """Names that differ, and expressions that give true or false."""
    problems = []
    seen: set[str] = set()
    conditions = conditions or ()
    if len(conditions) > CONDITIONS_MAX:
        words = f"Too many: {len(conditions)}: must have at most {CONDITIONS_MAX} items"
        problems.append(FieldError("FieldValueTooMany", path, words))
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        expression = (condition.get("expression") or "").strip()
        if expression:
            compiler = Compiler(has_params=has_params)
            problems += check_expression(compiler, expression, f"{here}.expression", (BOOL,))
        else:
            problems.append(required(f"{here}.expression"))
        name = condition.get("name") or ""
        if name:
            problems += [invalid(f"{here}.name", name, words) for words in qualified_name(name)]
            if name in seen:
                problems.append(duplicate(f"{here}.name", name))
            seen.add(name)
        else:
            problems.append(required(f"{here}.name"))
    return problems


def check_expression(
    compiler: Compiler, expression: str, path: str, results: Sequence[Any], *, authorizes: bool = True
) -> Problems:
    """What the compiler has to say of an expression."""
    try:
        compiler.compile(expression, results, authorizes=authorizes)
    except ValueError as error:
        return [invalid(path, expression, str(error))]
    return []
