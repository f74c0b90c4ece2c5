"""Fields that nobody owns: those that the server sets itself, and those that a write cannot change.

A write to the main resource does not change the status, a write to `/status` nothing else. What it says of them
is dropped, and must not be owned either (`GetResetFields` of the strategies upstream).
Upstream: managedfields/internal/stripmeta.go, pkg/registry/GROUP/KIND/strategy.go.
"""

from __future__ import annotations

from functools import lru_cache

from kubesim.api.errors import FieldError
from kubesim.api.fieldset import EMPTY, FieldSet, field_set_of, union
from kubesim.api.resources import Resource
from kubesim.api.wire import Request

MANAGER_LENGTH_MAX = 128
UNKNOWN_MANAGER = "unknown"
STATUS = "status"

SERVER_FIELDS: FieldSet = field_set_of(
    "apiVersion", "kind", "metadata", "metadata.name", "metadata.namespace", "metadata.creationTimestamp",
    "metadata.selfLink", "metadata.uid", "metadata.clusterName", "metadata.generation", "metadata.managedFields",
    "metadata.resourceVersion",
)  # fmt: skip
_STATUS = field_set_of(STATUS)
_SPEC = field_set_of("spec")
# Beyond the rule: (group, plural, subresource) → more that such a write cannot change.
_MORE: dict[tuple[str, str, str], FieldSet] = {
    ("", "pods", STATUS): field_set_of("metadata.deletionTimestamp", "metadata.ownerReferences"),
    ("apps", "deployments", STATUS): field_set_of("metadata.labels"),
    ("certificates.k8s.io", "certificatesigningrequests", ""): _SPEC,
    ("storage.k8s.io", "volumeattachments", STATUS): field_set_of("metadata"),
}


def reset_fields(resource: Resource, subresource: str) -> FieldSet:
    """What a write of this kind cannot change."""
    usual = EMPTY
    if subresource == STATUS:
        usual = _SPEC
    elif not subresource and STATUS in resource.subresources:
        usual = _STATUS
    return union(usual, _MORE.get((resource.group, resource.plural, subresource), EMPTY))


def manager_of(request: Request) -> str:
    """Who writes: the manager that is named, else the program that asks."""
    return request.options.field_manager or _from_user_agent(request.user_agent) or UNKNOWN_MANAGER


@lru_cache(1024)
def _from_user_agent(user_agent: str) -> str:
    """The characters before the first "/" that can be printed, as many as a name may have."""
    name = user_agent.partition("/")[0]
    if name.isprintable() and len(name) <= MANAGER_LENGTH_MAX // 4:
        return name
    text = "".join(character for character in name if character.isprintable())
    return text.encode()[:MANAGER_LENGTH_MAX].decode(errors="ignore")


def manager_problems(manager: str) -> list[FieldError]:
    """What is wrong with the name of a manager that a request gives."""
    problems = []
    if len(manager.encode()) > MANAGER_LENGTH_MAX:
        words = f"Too long: may not be more than {MANAGER_LENGTH_MAX} bytes"
        problems.append(FieldError("FieldValueTooLong", "fieldManager", words))
    place = 0
    for character in manager:
        if not character.isprintable() and character != " ":
            shown = manager.encode("unicode_escape").decode()
            words = f'Invalid value: "{shown}": invalid character U+{ord(character):04X} (at position {place})'
            problems.append(FieldError("FieldValueInvalid", "fieldManager", words))
        place += len(character.encode())
    return problems
