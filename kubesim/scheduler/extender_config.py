"""What a configuration says of one extender, and how one fails: for the extender and for the way to it.

Upstream: Extender in staging/src/k8s.io/kube-scheduler/config/v1/types.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class ExtenderConfig(msgspec.Struct, frozen=True):
    """One entry of `extenders`; `call` is the callable of an extender in this process."""

    url_prefix: str
    filter_verb: str = ""
    prioritize_verb: str = ""
    preempt_verb: str = ""
    bind_verb: str = ""
    weight: int = 0
    enable_https: bool = False
    tls: dict[str, Any] = {}
    timeout_seconds: float = 5.0
    node_cache_capable: bool = False
    managed_resources: tuple[str, ...] = ()
    ignorable: bool = False
    call: Callable[[str, dict[str, Any]], Any] | None = None


class ExtenderError(Exception):
    """The extender gave no usable answer; the message names it."""
