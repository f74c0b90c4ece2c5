"""Which names of resources mean something: in quotas, in limit ranges, in containers.

Names without a slash are Kubernetes' own and have to be known; names with one are somebody else's.
Upstream: pkg/apis/core/helper/helpers.go, validateResourceName in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import invalid
from kubesim.apiserver.validation.names import qualified_name

COMPUTE = ("cpu", "memory", "ephemeral-storage")
QUOTA = frozenset((
    *COMPUTE, *(f"requests.{name}" for name in (*COMPUTE, "storage")), *(f"limits.{name}" for name in COMPUTE),
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps",
    "services.nodeports", "services.loadbalancers",
))  # fmt: skip
STANDARD = QUOTA | {"storage"}
COUNTED = frozenset((
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
))  # fmt: skip
QUOTA_HUGE_PAGES = ("hugepages-", "requests.hugepages-")
NOT_STANDARD = "must be a standard resource type or fully qualified"
NOT_NEGATIVE = "must be greater than or equal to 0"


def name_problems(name: str, path: str) -> list[FieldError]:
    """What is wrong with the name of a resource."""
    problems = [invalid(path, name, problem) for problem in qualified_name(name)]
    if problems or "/" in name or name in STANDARD or name.startswith(QUOTA_HUGE_PAGES):
        return problems
    return [invalid(path, name, NOT_STANDARD)]


def quota_name_problems(name: str, path: str) -> list[FieldError]:
    """What is wrong with it in a quota."""
    problems = name_problems(name, path)
    if "/" not in name and not is_quota_resource(name):
        problems.append(invalid(path, name, "must be a standard resource for quota"))
    return problems


def container_name_problems(name: str, path: str) -> list[FieldError]:
    """What is wrong with it in a container."""
    problems = name_problems(name, path)
    if "/" not in name:
        if name not in COMPUTE and not name.startswith("hugepages-"):
            problems.append(invalid(path, name, "must be a standard resource for containers"))
    elif "kubernetes.io/" not in name and name.startswith("requests."):
        problems.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return problems


def is_quota_resource(name: str) -> bool:
    """Whether a name without a slash may stand in a quota."""
    return name in QUOTA or name.startswith(QUOTA_HUGE_PAGES)


def quantity_problems(name: str, quantity: Any, path: str) -> list[FieldError]:
    """An amount is not negative, and what is counted comes in whole numbers."""
    nano, shown = parse(quantity).nano, canonical(quantity)
    problems = [invalid(path, shown, NOT_NEGATIVE)] if nano < 0 else []
    is_whole = name in COUNTED or ("/" in name and "kubernetes.io/" not in name)
    if is_whole and nano % 1_000_000_000:
        problems.append(invalid(path, shown, "must be an integer"))
    return problems
