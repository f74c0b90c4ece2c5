"""What paths in volumes may look like: they stay where they belong.

Upstream: validateLocalDescendingPath, validatePathNoBacksteps and ValidateLocalNonReservedPath in
pkg/apis/core/validation.
"""

from __future__ import annotations

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import invalid

UP = ".."


def no_backsteps(text: str, path: str) -> list[FieldError]:
    """No part of it leads upwards."""
    return [invalid(path, text, "must not contain '..'")] if UP in text.split("/") else []


def descending(text: str, path: str) -> list[FieldError]:
    """Relative, and never upwards."""
    problems = [invalid(path, text, "must be a relative path")] if text.startswith("/") else []
    return problems + no_backsteps(text, path)


def not_reserved(text: str, path: str) -> list[FieldError]:
    """Nor does it begin with two dots, which the kubelet keeps for itself."""
    problems = descending(text, path)
    if text.startswith(UP) and not text.startswith("../"):
        problems.append(invalid(path, text, "must not start with '..'"))
    return problems
