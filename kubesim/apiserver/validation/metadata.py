"""What every object's metadata must satisfy, when it is made and when it is changed.

Upstream: ValidateObjectMeta and ValidateObjectMetaUpdate in k8s.io/apimachinery/pkg/api/validation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import IMMUTABLE, each, forbidden, invalid, required, too_long
from kubesim.apiserver.validation.names import Problems, label_value, qualified_name

ANNOTATIONS_BYTES_MAX = 256 * 1024
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
STANDARD_FINALIZERS = (FOREGROUND, ORPHAN, "kubernetes")
ONE_CONTROLLER = "Only one reference can have Controller set to true."
OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
IMMUTABLE_FIELDS = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")

NameRule = Callable[[str], Problems]
Metadata = Mapping[str, Any]


def validate_metadata(metadata: Metadata, name_rule: NameRule, *, namespaced: bool) -> list[FieldError]:
    """What is wrong with the metadata of a new object."""
    problems = [
        invalid("metadata.generateName", metadata["generateName"], problem)
        for problem in (name_rule(_prefix_as_name(metadata["generateName"])) if metadata.get("generateName") else ())
    ]
    name = metadata.get("name")
    if not name:
        problems.append(required("metadata.name", "name or generateName is required"))
    else:
        problems += [invalid("metadata.name", name, problem) for problem in name_rule(name)]
    if namespaced and not metadata.get("namespace"):
        problems.append(required("metadata.namespace"))
    elif not namespaced and metadata.get("namespace"):
        problems.append(forbidden("metadata.namespace", "not allowed on this type"))
    return problems + _validate_maps(metadata, {})


def validate_metadata_update(metadata: Metadata, old: Metadata) -> list[FieldError]:
    """What is wrong with a change of metadata. What has not changed is not looked at again."""
    if metadata is old:
        return []
    problems = []
    if old.get("deletionTimestamp"):
        problems += _no_new_finalizers(metadata.get("finalizers") or [], old.get("finalizers") or [])
    for name in IMMUTABLE_FIELDS:
        if metadata.get(name) != old.get(name):
            problems.append(invalid(f"metadata.{name}", metadata.get(name), IMMUTABLE))
    return problems + _validate_maps(metadata, old)


def validate_labels(labels: Mapping[str, Any], field: str) -> list[FieldError]:
    """What is wrong with a map of labels at `field`."""
    problems = []
    for key, value in labels.items():
        problems += [invalid(field, key, problem) for problem in qualified_name(key)]
        problems += [invalid(field, value, problem) for problem in label_value(value)]
    return problems


def _validate_maps(metadata: Metadata, old: Metadata) -> list[FieldError]:
    problems: list[FieldError] = []
    if (labels := metadata.get("labels")) and labels != old.get("labels"):
        problems += validate_labels(labels, "metadata.labels")
    if (annotations := metadata.get("annotations")) and annotations != old.get("annotations"):
        problems += validate_annotations(annotations, "metadata.annotations")
    if (owners := metadata.get("ownerReferences")) and owners != old.get("ownerReferences"):
        problems += _validate_owners(owners)
    if (finalizers := metadata.get("finalizers")) and finalizers != old.get("finalizers"):
        problems += _validate_finalizers(finalizers, is_new=not old)
    return problems


def validate_annotations(annotations: Mapping[str, str], field: str) -> list[FieldError]:
    """What is wrong with a map of annotations at `field`."""
    problems = []
    for key in annotations:
        problems += each(field, key, qualified_name(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_BYTES_MAX:
        problems.append(too_long(field, ANNOTATIONS_BYTES_MAX))
    return problems


def _validate_owners(owners: list[dict[str, Any]]) -> list[FieldError]:
    field = "metadata.ownerReferences"
    problems = []
    controller = ""
    for owner in owners:
        for name, words in (("apiVersion", "version must not be empty"), ("kind", "must not be empty"),
                            ("name", "must not be empty"), ("uid", "must not be empty")):  # fmt: skip
            if not owner.get(name):
                problems.append(invalid(f"{field}.{name}", owner.get(name, ""), words))
        if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
            problems.append(
                _invalid_owners(field, _owner_in_go(owner), "/v1, Kind=Event is disallowed from being an owner")
            )
        if owner.get("controller"):
            this = f"{owner.get('kind', '')}/{owner.get('name', '')}"
            if controller:
                words = f'{ONE_CONTROLLER} Found "true" in references for {controller} and {this}'
                problems.append(_invalid_owners(field, [_owner_in_go(each) for each in owners], words))
            controller = controller or this
    return problems


def _owner_in_go(owner: dict[str, Any]) -> dict[str, Any]:
    """A reference with its fields in Go's order, the four that are always there included."""
    always = {name: owner.get(name, "") for name in OWNER_FIELDS[:4]}
    return always | {name: owner[name] for name in OWNER_FIELDS[4:] if owner.get(name) is not None}


def _invalid_owners(field: str, value: Any, words: str) -> FieldError:
    shown = json.dumps(value, separators=(",", ":"))
    return FieldError("FieldValueInvalid", field, f"Invalid value: {shown}: {words}")


def _validate_finalizers(finalizers: list[str], *, is_new: bool) -> list[FieldError]:
    problems = []
    if is_new:
        for finalizer in finalizers:
            problems += [invalid("metadata.finalizers", finalizer, problem) for problem in qualified_name(finalizer)]
        if FOREGROUND in finalizers and ORPHAN in finalizers:
            words = f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"
            problems.append(invalid("metadata.finalizers", finalizers, words))
    for index, finalizer in enumerate(finalizers):
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            problems.append(invalid(f"metadata.finalizers[{index}]", finalizer, words))
    return problems


def _no_new_finalizers(finalizers: list[str], old: list[str]) -> list[FieldError]:
    new = sorted(set(finalizers) - set(old))
    if not new:
        return []
    listed = ", ".join(f'"{finalizer}"' for finalizer in new)
    words = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
    return [forbidden("metadata.finalizers", words)]


def _prefix_as_name(prefix: str) -> str:
    """A prefix may end in characters that a name may not end in."""
    return prefix[:-1] + "a" if prefix.endswith("-") else prefix
