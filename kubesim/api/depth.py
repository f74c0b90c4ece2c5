"""How deep JSON nests: encoders, and functions that call themselves, bear only so much.

Upstream: the limit of 10,000 levels in sigs.k8s.io/json.
"""

from __future__ import annotations

from typing import Any

# Nothing of Kubernetes' own comes near; all our encoders can bear a little more.
NESTING_MAX = 200


def nests_too_deep(value: Any) -> bool:
    """Whether lists and dicts lie in each other deeper than `NESTING_MAX`."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(NESTING_MAX):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return bool(level)


def may_nest_too_deep(encoded: bytes) -> bool:
    """Whether there are brackets enough for that: nearly always there are not, and this is quickly known."""
    return encoded.count(b"{") + encoded.count(b"[") > NESTING_MAX
