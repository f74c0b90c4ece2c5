"""What is wrong with what a container, or a whole Pod, asks for.

Upstream: validateResourceRequirements in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_label
from kubesim.apiserver.validation.resource_names import container_name_problems, name_problems, quantity_problems

HUGE_PAGES = "hugepages-"
COMPUTE = ("cpu", "memory")
POD_LEVEL = ("cpu", "memory")
RESIZE_POLICIES = ("NotRequired", "RestartContainer")

Object = dict[str, Any]
NameRule = Callable[[str, str], list[FieldError]]


def validate_resources(
    resources: Object, path: str, claim_names: Collection[str] = (), name_rule: NameRule = container_name_problems
) -> list[FieldError]:
    """What is wrong with limits, requests and claims."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    problems: list[FieldError] = []
    for name, amount in sorted(limits.items()):
        problems += _amount(name, amount, f"{path}.limits[{name}]", name_rule)
    for name, amount in sorted(requests.items()):
        problems += _amount(name, amount, f"{path}.requests[{name}]", name_rule)
        problems += _against_limit(name, amount, limits.get(name), path)
        if name.startswith(HUGE_PAGES):
            problems += _whole_pages(name, amount, f"{path}.requests[{name}]")
    names = {*limits, *requests}
    if any(name.startswith(HUGE_PAGES) for name in names) and not names.intersection(COMPUTE):
        problems.append(forbidden(path, "HugePages require cpu or memory"))
    return problems + _claims(resources.get("claims") or (), f"{path}.claims", claim_names)


def pod_level_name_problems(name: str, path: str) -> list[FieldError]:
    """What is wrong with the name of a resource of the whole Pod."""
    problems = name_problems(name, path)
    if problems or name in POD_LEVEL or name.startswith(HUGE_PAGES):
        return problems
    return [not_supported(path, name, ("cpu", HUGE_PAGES, "memory"))]


def validate_resize_policy(policies: list[Object], path: str, restart_policy: str | None) -> list[FieldError]:
    """What is wrong with how a container wants to be resized."""
    problems: list[FieldError] = []
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        name, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            problems.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        problems += _one_of(path, name, COMPUTE) + _one_of(path, restart, RESIZE_POLICIES)
        if restart_policy == "Never" and restart != RESIZE_POLICIES[0]:
            problems.append(invalid(path, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
    return problems


def _one_of(path: str, value: str, allowed: tuple[str, ...]) -> list[FieldError]:
    if value in allowed:
        return []
    return [not_supported(path, value, allowed) if value else required(path)]


def _amount(name: str, amount: Any, path: str, name_rule: NameRule) -> list[FieldError]:
    problems = name_rule(name, path) + quantity_problems(name, amount, path)
    if ".limits[" in path and name.startswith(HUGE_PAGES):
        problems += _whole_pages(name, amount, path)
    return problems


def _against_limit(name: str, amount: Any, limit: Any, path: str) -> list[FieldError]:
    """Not above the limit; exactly the limit where nothing may be overcommitted."""
    at, shared = f"{path}.requests", may_be_overcommitted(name)
    if limit is None:
        return [] if shared else [required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    difference = parse(amount).nano - parse(limit).nano
    if difference and not shared:
        return [invalid(at, canonical(amount), f"must be equal to {name} limit of {canonical(limit)}")]
    if difference > 0:
        return [invalid(at, canonical(amount), f"must be less than or equal to {name} limit of {canonical(limit)}")]
    return []


def may_be_overcommitted(name: str) -> bool:
    """Whether more of it may be promised than there is: what is Kubernetes' own, but no huge pages."""
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith(HUGE_PAGES)


def _whole_pages(name: str, amount: Any, path: str) -> list[FieldError]:
    try:
        size = parse(name.removeprefix(HUGE_PAGES)).nano
    except ValueError:
        size = 0
    nano = parse(amount).nano
    if size > 0 and nano % size == 0:
        return []
    return [invalid(path, canonical(amount), f"{canonical(amount)} is not positive integer multiple of {name}")]


def _claims(claims: Collection[Object], path: str, known: Collection[str]) -> list[FieldError]:
    problems: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at, name, request = f"{path}[{index}]", claim.get("name", ""), claim.get("request", "")
        if not name:
            problems.append(required(at))
            continue
        if request:
            problems += [invalid(f"{at}.request", request, problem) for problem in dns_label(request)]
        key = f"{name}/{request}" if request else name
        if name in seen or key in seen or (not request and any(other.startswith(f"{name}/") for other in sorted(seen))):
            problems.append(duplicate(at, name if name in seen or not request else key))
        seen.add(key)
        if name not in known:
            words = "must be one of the names in pod.spec.resourceClaims"
            words += f": {', '.join(sorted(known))}" if known else " which is empty"
            missing = invalid(at, name, words)
            problems.append(
                FieldError("FieldValueNotFound", at, missing.message.replace("Invalid value", "Not found", 1))
            )
    return problems
