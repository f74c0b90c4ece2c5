"""Conflicts: an applied configuration wants other values for fields that somebody else owns.

Upstream: k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import ConflictError
from kubesim.api.fieldset import FieldSet, difference, path_text, paths
from kubesim.api.fieldset.sets import LEAF, Path
from kubesim.apiserver.managed_fields.entries import UPDATE, Identity, identity_text


class Conflict(NamedTuple):
    """One field, and who owns it."""

    owner: Identity
    path: Path


class ApplyConflictError(ConflictError):
    """Others own what is applied. `conflicts` says who and what."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {_shown(conflict.owner)}",
                "field": path_text(conflict.path),
            }
            for conflict in conflicts
        ]
        super().__init__(_message(conflicts), {"causes": causes})


def conflicts_of(taken_from: dict[Identity, FieldSet]) -> list[Conflict]:
    """All conflicts, by owner."""
    return [
        Conflict(owner, path) for owner in sorted(taken_from, key=identity_text) for path in paths(taken_from[owner])
    ]


def not_allowed(conflicts: list[Conflict], allowed: FieldSet) -> list[Conflict]:
    """The conflicts about fields that are not in a set."""
    return [conflict for conflict in conflicts if difference(_set_of(conflict.path), allowed)]


def _set_of(path: Path) -> FieldSet:
    node: FieldSet = LEAF
    for element in reversed(path):
        node = {element: node}
    return node


def _message(conflicts: list[Conflict]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {_shown(only.owner)}: {path_text(only.path)}"
    lines = []
    owner = None
    for conflict in conflicts:
        if conflict.owner != owner:
            owner = conflict.owner
            lines.append(f"conflicts with {_shown(owner)}:")
        lines.append(f"- {path_text(conflict.path)}")
    return f"Apply failed with {len(conflicts)} conflicts: {chr(10).join(lines)}"


def _shown(owner: Identity) -> str:
    manager, operation, version, subresource = owner
    shown = f'"{manager}"'
    if subresource:
        shown = f'{shown} with subresource "{subresource}"'
    return f"{shown} using {version}" if operation == UPDATE else shown
