"""What a CustomResourceDefinition says about itself, and the rows of the table of kinds that come of it.

The apiserver serves these rows; controllers that must know every kind (garbage collection, namespace deletion)
make the same rows from the definitions that they watch. Upstream: apihelpers in k8s.io/apiextensions-apiserver,
version priorities in k8s.io/apimachinery/pkg/version.
"""

from __future__ import annotations

import re
from typing import Any

from kubesim.api.resources import Resource
from kubesim.api.stored import Object

ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"
NAMESPACED = "Namespaced"
# In the order in which the real server lists them for custom resources.
VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
STAGES = {"alpha": 0, "beta": 1, "": 2}


def condition_of(definition: Object, kind: str) -> Object | None:
    """A condition of a definition, None if it has none of that type."""
    for condition in (definition.get("status") or {}).get("conditions") or ():
        if condition["type"] == kind:
            found: Object = condition
            return found
    return None


def is_true(definition: Object, kind: str) -> bool:
    """Whether a condition is there and True."""
    condition = condition_of(definition, kind)
    return condition is not None and condition["status"] == "True"


def storage_version(spec: Object) -> str:
    """The version in which objects are kept."""
    for version in spec.get("versions") or ():
        if version.get("storage"):
            return str(version.get("name") or "")
    return ""


def rows_of(definition: Object) -> tuple[Resource, ...]:
    """A row for each served version, the preferred one first; none before the definition is established."""
    if not is_true(definition, ESTABLISHED):
        return ()
    versions = [version for version in definition["spec"]["versions"] if version.get("served")]
    versions.sort(key=lambda version: priority_of(version["name"]), reverse=True)
    return tuple(row_of(definition, version) for version in versions)


def row_of(definition: Object, version: Object) -> Resource:
    """The row of one version."""
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    stored = storage_version(spec)
    return Resource(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        spec["scope"] == NAMESPACED,
        tuple(names.get("shortNames") or ()),
        tuple(names.get("categories") or ()),
        tuple(name for name in ("status", "scale") if (version.get("subresources") or {}).get(name) is not None),
        tuple(field["jsonPath"].removeprefix(".") for field in version.get("selectableFields") or ()),
        verbs=VERBS,
        # With several versions an object may lie in another one than is asked for: every answer is converted.
        stored_as=f"{spec['group']}/{stored}" if len(spec["versions"]) > 1 else "",
        custom=True,
        singular_name=names.get("singular") or "",
        list_kind_name=names.get("listKind") or "",
    )


def storage_row(definition: Object) -> Resource:
    """The row as which objects are stored."""
    spec = definition["spec"]
    name = storage_version(spec)
    return row_of(definition, next(version for version in spec["versions"] if version["name"] == name))


def priority_of(version: str) -> tuple[Any, ...]:
    """What versions are sorted by, the highest preferred: v2 over v1 over v1beta1 over v1alpha1 over anything else."""
    match = re.fullmatch(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?", version)
    if match is None:
        return (0, tuple(-ord(letter) for letter in version))
    major, stage, minor = match.groups()
    return (1, STAGES[stage or ""], int(major), int(minor or 0))
