"""What is wrong with what a kubelet is to do with a container: probes and hooks.

Upstream: validateProbe, validateHandler and validateLifecycle in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_negative, not_supported, required
from kubesim.apiserver.validation.names import header_name, port, port_number

SCHEMES = ("HTTP", "HTTPS")
PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
STOP_SIGNAL_NEEDS_OS = "may not be set for containers with empty `spec.os.name`"

Object = dict[str, Any]


def validate_lifecycle(lifecycle: Object, path: str, grace_seconds: int | None, os_name: str = "") -> list[FieldError]:
    """What is wrong with the hooks."""
    problems: list[FieldError] = []
    for name in ("postStart", "preStop"):
        if lifecycle.get(name) is not None:
            problems += _handler(lifecycle[name], f"{path}.{name}", HOOK_HANDLERS, grace_seconds)
    if lifecycle.get("stopSignal") and not os_name:
        problems.append(forbidden(f"{path}.stopSignal", STOP_SIGNAL_NEEDS_OS))
    return problems


def validate_probes(container: Object, path: str, grace_seconds: int | None) -> list[FieldError]:
    """What is wrong with a container's probes."""
    problems: list[FieldError] = []
    for name in PROBES:
        probe = container.get(name)
        if probe is None:
            continue
        at = f"{path}.{name}"
        problems += _probe(probe, at, grace_seconds)
        if name == "readinessProbe":
            if probe.get("terminationGracePeriodSeconds") is not None:
                seconds = probe["terminationGracePeriodSeconds"]
                words = "must not be set for readinessProbes"
                problems.append(invalid(f"{at}.terminationGracePeriodSeconds", seconds, words))
        elif probe.get("successThreshold", 0) != 1:
            problems.append(invalid(f"{at}.successThreshold", probe.get("successThreshold", 0), "must be 1"))
    return problems


def _probe(probe: Object, path: str, grace_seconds: int | None) -> list[FieldError]:
    problems = _handler(probe, path, PROBE_HANDLERS, grace_seconds)
    for name in COUNTS:
        problems += not_negative(f"{path}.{name}", probe.get(name))
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        problems.append(invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0"))
    return problems


def _handler(holder: Object, path: str, kinds: tuple[str, ...], grace_seconds: int | None) -> list[FieldError]:
    problems: list[FieldError] = []
    given = [kind for kind in kinds if holder.get(kind) is not None]
    for index, kind in enumerate(given):
        at = f"{path}.{kind}"
        if index:
            problems.append(forbidden(at, "may not specify more than 1 handler type"))
        else:
            problems += _action(kind, holder[kind], at, grace_seconds)
    return problems if given else [required(path, "must specify a handler type")]


def _action(kind: str, action: Object, path: str, grace_seconds: int | None) -> list[FieldError]:
    if kind == "exec":
        return [] if action.get("command") else [required(f"{path}.command")]
    if kind == "httpGet":
        return _http(action, path)
    if kind == "grpc":
        return each(f"{path}.port", action.get("port", 0), port_number(action.get("port", 0)))
    if kind == "tcpSocket":
        return each(f"{path}.port", action.get("port", 0), port(action.get("port", 0)))
    seconds = action.get("seconds", 0)
    if grace_seconds is None or 0 <= seconds <= grace_seconds:
        return []
    words = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
    return [invalid(path, seconds, words)]


def _http(action: Object, path: str) -> list[FieldError]:
    problems = [] if action.get("path") else [required(f"{path}.path")]
    problems += each(f"{path}.port", action.get("port", 0), port(action.get("port", 0)))
    if action.get("scheme") not in SCHEMES:
        problems.append(not_supported(f"{path}.scheme", action.get("scheme", ""), SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        problems += each(f"{path}.httpHeaders", name, header_name(name))
    return problems
