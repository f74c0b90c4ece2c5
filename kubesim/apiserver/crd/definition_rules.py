"""What a CustomResourceDefinition must satisfy. Pure.

The real server validates its internal form, in which what all versions share (schema, subresources, columns) lies
at the top: that is why a single version's schema is complained about as `spec.validation.openAPIV3Schema`.
Upstream: pkg/apis/apiextensions/validation in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.approval import approval_problems
from kubesim.apiserver.crd.schema_rules import validate_schema
from kubesim.apiserver.crd.version_rules import (
    validate_columns,
    validate_conversion,
    validate_selectable_fields,
    validate_subresources,
    validate_warning,
)
from kubesim.apiserver.validation.field import IMMUTABLE, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_1035_label, dns_subdomain

SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
GO_NAMES = {"schema": "Schema", "subresources": "Subresources", "additionalPrinterColumns": "AdditionalPrinterColumns",
            "selectableFields": "SelectableFields"}  # fmt: skip
SCOPES = ("Cluster", "Namespaced")
NAME_MUST = 'must be spec.names.plural+"."+spec.group'


def validate_definition(definition: Object) -> list[FieldError]:
    """What is wrong with a new definition."""
    metadata, spec = definition["metadata"], definition.get("spec") or {}
    problems = []
    name = metadata.get("name")
    if name and name != f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}":
        problems.append(invalid("metadata.name", name, NAME_MUST))
    problems += _spec_problems(spec)
    problems += _stored_versions(definition)
    problems += approval_problems({**definition, "spec": spec}, None)
    return problems + _preserve(spec, {})


def validate_definition_update(definition: Object, old: Object, *, established: bool) -> list[FieldError]:
    """What is wrong with a changed definition."""
    spec, before = definition.get("spec") or {}, old["spec"]
    problems = _spec_problems(spec)
    names, old_names = spec.get("names") or {}, before["names"]
    checked = [("group", spec.get("group"), before["group"]),
               ("names.plural", names.get("plural"), old_names["plural"])]  # fmt: skip
    if established:
        checked = [("scope", spec.get("scope"), before["scope"]),
                   ("names.kind", names.get("kind"), old_names["kind"]), *checked]  # fmt: skip
    problems += [invalid(f"spec.{field}", new or "", IMMUTABLE) for field, new, known in checked if new != known]
    problems += _stored_versions(definition)
    problems += approval_problems({**definition, "spec": spec}, old)
    return problems + _preserve(spec, before)


def _preserve(spec: Object, before: Object) -> list[FieldError]:
    if not spec.get("preserveUnknownFields") or before.get("preserveUnknownFields"):
        return []
    words = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid("spec.preserveUnknownFields", True, words)]


def hoisted(spec: Object) -> tuple[Object, list[Object]]:
    """What all versions share, and the versions without it."""
    versions: list[Object] = [dict(version) for version in spec.get("versions") or ()]
    shared: Object = {}
    for name in SHARED:
        values = [version.get(name) or None for version in versions]
        if values and values[0] is not None and all(value == values[0] for value in values):
            shared[name] = values[0]
            for version in versions:
                version.pop(name)
    return shared, versions


def _spec_problems(spec: Object) -> list[FieldError]:
    problems = _group(spec.get("group") or "")
    scope = spec.get("scope") or ""
    if not scope:
        problems.append(required("spec.scope"))
    elif scope not in SCOPES:
        problems.append(not_supported("spec.scope", scope, SCOPES))
    shared, versions = hoisted(spec)
    if "schema" not in shared:
        for index, version in enumerate(versions):
            if not (version.get("schema") or {}).get("openAPIV3Schema"):
                problems.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    for index, version in enumerate(versions):
        problems += _version(version, shared, f"spec.versions[{index}]")
    names = [version.get("name") for version in versions]
    if len(set(names)) < len(names):
        problems.append(_invalid_versions(versions, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        words = "must have exactly one version marked as storage version"
        problems.append(_invalid_versions(versions, words))
    problems += _names(spec.get("names") or {})
    has_status = any((part.get("subresources") or {}).get("status") is not None for part in (shared, *versions))
    problems += _shared(shared, has_status)
    return problems + validate_conversion(spec.get("conversion"), "spec.conversion")


def _group(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    if complaints := dns_subdomain(group):
        return [invalid("spec.group", group, ",".join(complaints))]
    if "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return []


def _shared(shared: Object, has_status: bool) -> list[FieldError]:
    problems = []
    if schema := (shared.get("schema") or {}).get("openAPIV3Schema"):
        problems += validate_schema(schema, "spec.validation.openAPIV3Schema", has_status=has_status)
    problems += validate_subresources(shared.get("subresources"), "spec.subresources")
    problems += validate_columns(shared.get("additionalPrinterColumns") or (), "spec.additionalPrinterColumns")
    if fields := shared.get("selectableFields"):
        schema = (shared.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            words = "selectableFields may only be set when validations.schema is included"
            problems.append(invalid("spec.selectableFields", "", words))
        else:
            problems += validate_selectable_fields(fields, schema, "spec.selectableFields")
    return problems


def _version(version: Object, shared: Object, path: str) -> list[FieldError]:
    problems = []
    if complaints := dns_1035_label(version.get("name") or ""):
        problems.append(invalid(f"{path}.name", version.get("name", ""), ",".join(complaints)))
    problems += validate_warning(version, f"{path}.deprecationWarning")
    subresources = version.get("subresources") or shared.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema:
        has_status = subresources.get("status") is not None
        problems += validate_schema(schema, f"{path}.schema.openAPIV3Schema", has_status=has_status)
    problems += validate_subresources(version.get("subresources"), f"{path}.subresources")
    problems += validate_columns(version.get("additionalPrinterColumns") or (), f"{path}.additionalPrinterColumns")
    if fields := version.get("selectableFields"):
        schema = schema or (shared.get("schema") or {}).get("openAPIV3Schema")
        problems += validate_selectable_fields(fields, schema or {}, f"{path}.selectableFields")
    return problems


def _names(names: Object) -> list[FieldError]:
    needed = ("plural", "singular", "kind", "listKind")
    missing = [required(f"spec.names.{name}") for name in needed if not names.get(name)]
    return missing + validate_names(names, "spec.names")


def validate_names(names: Object, path: str) -> list[FieldError]:
    """What is wrong with names, of a spec or as they were accepted."""
    problems = []
    for field in ("plural", "singular", "kind", "listKind"):
        name = names.get(field) or ""
        is_kind = field in ("kind", "listKind")
        complaints = dns_1035_label(name.lower() if is_kind else name) if name else ()
        if complaints:
            mixed = "may have mixed case, but should otherwise match: " if is_kind else ""
            problems.append(invalid(f"{path}.{field}", name, mixed + ",".join(complaints)))
    problems += _labels(names.get("shortNames") or (), f"{path}.shortNames")
    if names.get("kind") and names["kind"] == names.get("listKind"):
        problems.append(invalid(f"{path}.listKind", names["listKind"], "kind and listKind may not be the same"))
    return problems + _labels(names.get("categories") or (), f"{path}.categories")


def _labels(words: Sequence[str], path: str) -> list[FieldError]:
    return [invalid(f"{path}[{index}]", word, ",".join(complaints)) for index, word in enumerate(words)
            if (complaints := dns_1035_label(word))]  # fmt: skip


def _stored_versions(definition: Object) -> list[FieldError]:
    stored = (definition.get("status") or {}).get("storedVersions") or []
    path = "status.storedVersions"
    if not stored:
        return [invalid(path, None, "must have at least one stored version")]
    versions = (definition.get("spec") or {}).get("versions") or ()
    problems = []
    for version in versions:
        name = version.get("name") or ""
        if version.get("storage") and name not in stored:
            problems.append(invalid(path, stored, f"must have the storage version {name}"))
    names = [version.get("name") for version in versions]
    for index, name in enumerate(stored):
        if name not in names:
            words = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and "
                f"removes {name} from status.storedVersions"
            )
            problems.append(invalid(f"{path}[{index}]", name, words))
    return problems


def _invalid_versions(versions: Sequence[Object], words: str) -> FieldError:
    return FieldError("FieldValueInvalid", "spec.versions", f"Invalid value: {go_versions(versions)}: {words}")


def go_versions(versions: Sequence[Object]) -> str:
    """Versions as the server's internal type prints them."""
    made = [
        {
            "Name": version.get("name", ""),
            "Served": bool(version.get("served")),
            "Storage": bool(version.get("storage")),
            "Deprecated": bool(version.get("deprecated")),
            "DeprecationWarning": version.get("deprecationWarning"),
            **{go_name: version.get(name) for name, go_name in GO_NAMES.items()},
        }
        for version in versions
    ]
    return orjson.dumps(made).decode()
