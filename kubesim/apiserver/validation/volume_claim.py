"""What is wrong with a claim for storage, also as a template.

Upstream: ValidatePersistentVolumeClaimSpec and ValidatePersistentVolumeClaimTemplate in pkg/apis/core/validation.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import canonical, parse
from kubesim.apiserver.validation.field import each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.metadata import validate_annotations, validate_labels
from kubesim.apiserver.validation.names import dns_label, dns_subdomain
from kubesim.apiserver.validation.selectors import validate_label_selector

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
CLAIM = "PersistentVolumeClaim"
NOT_POSITIVE = "must be greater than zero"

Object = dict[str, Any]


def validate_access_modes(spec: Object, path: str, detail: str) -> list[FieldError]:
    """At least one, all known, and ReadWriteOncePod alone."""
    modes = spec.get("accessModes") or ()
    problems = [] if modes else [required(f"{path}.accessModes", detail)]
    problems += [not_supported(f"{path}.accessModes", mode, MODES) for mode in modes if mode not in MODES]
    if "ReadWriteOncePod" in modes and any(mode in MODES and mode != "ReadWriteOncePod" for mode in modes):
        words = "may not use ReadWriteOncePod with other access modes"
        problems.append(forbidden(f"{path}.accessModes", words))
    return problems


def validate_claim_spec(spec: Object, path: str) -> list[FieldError]:
    """How much, of what kind, and how it is to be accessed."""
    problems = validate_access_modes(spec, path, "at least 1 access mode is required")
    problems += validate_label_selector(spec.get("selector"), f"{path}.selector")
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if wanted is None:
        problems.append(required(f"{path}.resources[storage]"))
    elif parse(wanted).nano <= 0:
        problems.append(invalid(f"{path}.resources[storage]", canonical(wanted), NOT_POSITIVE))
    for name in ("storageClassName", "volumeAttributesClassName"):
        if spec.get(name):
            problems += each(f"{path}.{name}", spec[name], dns_subdomain(spec[name]))
        if name == "storageClassName":
            problems += validate_volume_mode(spec, path) + _data_source(spec, path)
    return problems


def validate_volume_mode(spec: Object, path: str) -> list[FieldError]:
    """A file system or a block device."""
    mode = spec.get("volumeMode")
    return [] if mode in (None, *VOLUME_MODES) else [not_supported(f"{path}.volumeMode", mode, VOLUME_MODES)]


def validate_claim_template(template: Object, path: str) -> list[FieldError]:
    """A template has labels and annotations, and nothing else in its metadata."""
    metadata = template.get("metadata") or {}
    problems = validate_annotations(metadata.get("annotations") or {}, f"{path}.metadata.annotations")
    problems += validate_labels(metadata.get("labels") or {}, f"{path}.metadata.labels")
    for name, value in metadata.items():
        if value and name not in ("labels", "annotations"):
            problems.append(forbidden(f"{path}.metadata.{name}", "cannot be set"))
    return problems + validate_claim_spec(template.get("spec") or {}, f"{path}.spec")


def _data_source(spec: Object, path: str) -> list[FieldError]:
    problems: list[FieldError] = []
    for name in ("dataSource", "dataSourceRef"):
        source = spec.get(name)
        if source is None:
            continue
        at, group = f"{path}.{name}", source.get("apiGroup") or ""
        problems += [required(f"{at}.{field}") for field in ("name", "kind") if not source.get(field)]
        if not group and source.get("kind") != CLAIM:
            words = f"must be '{CLAIM}' when referencing the default apiGroup"
            problems.append(invalid(at, source.get("kind", ""), words))
        if group:
            problems += each(f"{at}.apiGroup", group, dns_subdomain(group))
        if source.get("namespace"):
            problems += each(f"{at}.namespace", source["namespace"], dns_label(source["namespace"]))
    return problems
