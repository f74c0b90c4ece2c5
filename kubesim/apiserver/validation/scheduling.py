"""What is wrong with what a Pod says of where it may run.

Upstream: validateAffinity, ValidateTolerations and validateTopologySpreadConstraints in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import Struct, duplicate, each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_label, label_value, qualified_name
from kubesim.apiserver.validation.node_selectors import validate_node_selector, validate_node_selector_term
from kubesim.apiserver.validation.selectors import validate_label_selector

REQUIRED, PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
WEIGHT_RULE = "must be in the range 1-100"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TOLERATION_OPERATORS = ("Equal", "Exists")
ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
INCLUSIONS = ("Honor", "Ignore")
NO_SELECTOR = "must not be specified when labelSelector is not set"
IN_BOTH = "exists in both matchLabelKeys and labelSelector"
MATCHES_ALL = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'

Object = dict[str, Any]


def validate_affinity(affinity: Object, path: str) -> list[FieldError]:
    """What is wrong with wishes about nodes and other Pods."""
    problems: list[FieldError] = []
    nodes: Object = affinity.get("nodeAffinity") or {}
    at = f"{path}.nodeAffinity"
    if nodes.get(REQUIRED) is not None:
        problems += validate_node_selector(nodes[REQUIRED], f"{at}.{REQUIRED}")
    for index, term in enumerate(nodes.get(PREFERRED) or ()):
        where = f"{at}.{PREFERRED}[{index}]"
        problems += _weight(term, where)
        preference = term.get("preference") or {}
        problems += validate_node_selector_term(preference, f"{where}.preference", check_values=False)
    for name in ("podAffinity", "podAntiAffinity"):
        pods: Object = affinity.get(name) or {}
        for index, term in enumerate(pods.get(REQUIRED) or ()):
            problems += _pod_term(term, f"{path}.{name}.{REQUIRED}[{index}]")
        for index, term in enumerate(pods.get(PREFERRED) or ()):
            where = f"{path}.{name}.{PREFERRED}[{index}]"
            problems += _weight(term, where) + _pod_term(term.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return problems


def _weight(term: Object, path: str) -> list[FieldError]:
    weight = term.get("weight", 0)
    return [] if 0 < weight <= 100 else [invalid(f"{path}.weight", weight, WEIGHT_RULE)]


def _pod_term(term: Object, path: str) -> list[FieldError]:
    problems = validate_label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    problems += validate_label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        problems += each(f"{path}.namespace", namespace, dns_label(namespace))
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        keys = term.get(name) or ()
        if keys and term.get("labelSelector") is None:
            problems.append(forbidden(f"{path}.{name}", NO_SELECTOR))
        else:
            for index, key in enumerate(keys):
                problems += each(f"{path}.{name}[{index}]", key, qualified_name(key))
    for index, key in enumerate(term.get("matchLabelKeys") or ()):
        if key in (term.get("mismatchLabelKeys") or ()):
            words = "exists in both matchLabelKeys and mismatchLabelKeys"
            problems.append(invalid(f"{path}.matchLabelKeys[{index}]", key, words))
    topology = term.get("topologyKey") or ""
    if not topology:
        problems.append(required(f"{path}.topologyKey", "can not be empty"))
    return problems + each(f"{path}.topologyKey", topology, qualified_name(topology))


def validate_tolerations(tolerations: list[Object], path: str) -> list[FieldError]:
    """What is wrong with what a Pod bears."""
    problems: list[FieldError] = []
    for index, toleration in enumerate(tolerations):
        at = f"{path}[{index}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        if key:
            problems += each(f"{at}.key", key, qualified_name(key))
        elif operator != "Exists":
            problems.append(invalid(f"{at}.operator", operator, MATCHES_ALL))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            problems.append(invalid(f"{at}.effect", effect, words))
        if operator in ("", "Equal"):
            if wrong := label_value(value):
                problems.append(invalid(f"{at}.operator", value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                words = "value must be empty when `operator` is 'Exists'"
                problems.append(invalid(f"{at}.operator", value, words))
        else:
            problems.append(not_supported(f"{at}.operator", operator, TOLERATION_OPERATORS))
        if effect and effect not in EFFECTS:
            problems.append(not_supported(f"{at}.effect", effect, EFFECTS))
    return problems


def validate_taints(taints: list[Object], path: str) -> list[FieldError]:
    """What is wrong with what a node keeps away."""
    problems: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        at = f"{path}[{index}]"
        key, value, effect = (taint.get(name) or "" for name in ("key", "value", "effect"))
        problems += each(f"{at}.key", key, qualified_name(key))
        if wrong := label_value(value):
            problems.append(invalid(f"{at}.value", value, ";".join(wrong)))
        if effect not in EFFECTS:
            where = f"{at}.effect"
            problems.append(not_supported(where, effect, EFFECTS) if effect else required(where))
        if (key, effect) in seen:
            shown = Struct(Key=key, Value=value, Effect=effect, TimeAdded=taint.get("timeAdded"))
            problem = duplicate(at, shown)
            words = f"{problem.message}: taints must be unique by key and effect pair"
            problems.append(problem._replace(message=words))
        seen.add((key, effect))
    return problems


def validate_spread(constraints: list[Object], path: str) -> list[FieldError]:
    """What is wrong with how Pods are to be spread."""
    problems: list[FieldError] = []
    for index, constraint in enumerate(constraints):
        problems += _constraint(constraint, constraints[index + 1 :], f"{path}[{index}]")
    return problems


def _constraint(constraint: Object, others: list[Object], path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    skew, topology, action = (constraint.get(name) for name in ("maxSkew", "topologyKey", "whenUnsatisfiable"))
    if (skew or 0) <= 0:
        problems.append(invalid(f"{path}.maxSkew", skew or 0, "must be greater than zero"))
    if not topology:
        problems.append(required(f"{path}.topologyKey", "can not be empty"))
    if action not in ACTIONS:
        problems.append(not_supported(f"{path}.whenUnsatisfiable", action or "", ACTIONS))
    if any((other.get("topologyKey"), other.get("whenUnsatisfiable")) == (topology, action) for other in others):
        problems.append(
            duplicate(f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{topology or ''}, {action or ''}}}")
        )
    domains = constraint.get("minDomains")
    if domains is not None:
        if domains <= 0:
            problems.append(invalid(f"{path}.minDomains", domains, "must be greater than zero"))
        if action != ACTIONS[0]:
            words = f"can only use minDomains if whenUnsatisfiable={ACTIONS[0]}, not {action or ''}"
            problems.append(invalid(f"{path}.minDomains", domains, words))
    problems += [
        not_supported(f"{path}.{name}", constraint[name], INCLUSIONS)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy")
        if constraint.get(name) not in (None, *INCLUSIONS)
    ]
    problems += _spread_keys(constraint, f"{path}.matchLabelKeys")
    return problems + validate_label_selector(constraint.get("labelSelector"), f"{path}.labelSelector")


def _spread_keys(constraint: Object, path: str) -> list[FieldError]:
    keys, selector = constraint.get("matchLabelKeys") or (), constraint.get("labelSelector")
    problems = [forbidden(path, NO_SELECTOR)] if keys and selector is None else []
    named = {*((selector or {}).get("matchLabels") or ())}
    named.update(each_.get("key") for each_ in (selector or {}).get("matchExpressions") or ())
    for index, key in enumerate(keys):
        problems += each(f"{path}[{index}]", key, qualified_name(key))
        if key in named:
            problems.append(invalid(f"{path}[{index}]", key, IN_BOTH))
    return problems
