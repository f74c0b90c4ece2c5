"""What the checks have in common: walking over containers and wording who did wrong.

Upstream: k8s.io/pod-security-admission/policy/{visitor,helpers}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kubesim.api.stored import Object

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


class Violation(NamedTuple):
    """What a Pod does wrong: in short, and in detail."""

    reason: str
    detail: str = ""


Check = Callable[[Object, Object], Violation | None]  # (metadata, spec)


def containers_of(spec: Object) -> Iterator[Object]:
    """All containers, of whatever kind."""
    for name in CONTAINER_LISTS:
        yield from spec.get(name) or ()


def security_of(holder: Object) -> Object:
    """The security context of a Pod or container."""
    context: Object = holder.get("securityContext") or {}
    return context


def names_where(spec: Object, holds: Callable[[Object], Any]) -> list[str]:
    """The names of the containers of which something holds."""
    return [container.get("name", "") for container in containers_of(spec) if holds(container)]


def quoted(items: Iterable[str]) -> str:
    """`"a", "b"`."""
    return ", ".join(f'"{item}"' for item in items)


def plural(word: str, items: Iterable[Any], several: str = "") -> str:
    """The word, or what it is of more than one."""
    return word if len(list(items)) == 1 else several or f"{word}s"


def some_containers(names: list[str]) -> str:
    """`container "a"`, `containers "a", "b"`."""
    return f"{plural('container', names)} {quoted(names)}"


def setters(pod_is_bad: bool, names: list[str]) -> str:
    """`pod and container "a"`; "" if nobody."""
    parts = ["pod"] if pod_is_bad else []
    if names:
        parts.append(some_containers(names))
    return " and ".join(parts)


def is_windows(spec: Object) -> bool:
    """Whether a Pod says that it is for Windows."""
    return bool((spec.get("os") or {}).get("name") == "windows")


def is_in_user_namespace(spec: Object) -> bool:
    """Whether root in the Pod is nobody outside."""
    return spec.get("hostUsers") is False
