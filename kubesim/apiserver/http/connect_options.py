"""From a query string to PodLogOptions and PodExecOptions.

Upstream: the conversions of url.Values in pkg/apis/core/v1.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import BadRequestError
from kubesim.apiserver.http.options import Query, is_set, number
from kubesim.sim.clock import parse_timestamp_ns

LOG_FLAGS = ("follow", "previous", "timestamps", "insecureSkipTLSVerifyBackend")
LOG_NUMBERS = ("sinceSeconds", "tailLines", "limitBytes")
EXEC_FLAGS = ("stdin", "stdout", "stderr", "tty")


def log_options(query: Query) -> dict[str, Any]:
    """PodLogOptions."""
    options: dict[str, Any] = {name: True for name in LOG_FLAGS if is_set(query, name)}
    for name in LOG_NUMBERS:
        if (value := number(query, name)) is not None:
            options[name] = value
    for name in ("container", "stream"):
        if text := _one(query, name):
            options[name] = text
    if text := _one(query, "sinceTime"):
        try:
            parse_timestamp_ns(text)
        except ValueError:
            words = f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
            raise BadRequestError(words) from None
        options["sinceTime"] = text
    return options


def exec_options(query: Query) -> dict[str, Any]:
    """PodExecOptions, and PodAttachOptions, which have no command."""
    options: dict[str, Any] = {name: True for name in EXEC_FLAGS if is_set(query, name)}
    if text := _one(query, "container"):
        options["container"] = text
    if command := query.get("command"):
        options["command"] = list(command)
    return options


def _one(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""
