"""What the parts of a CustomResourceDefinition beside its schemas must satisfy. Pure.

Upstream: pkg/apis/apiextensions/validation in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.values import too_many
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_1035_label

COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("binary", "byte", "date", "date-time", "double", "float", "int32", "int64", "password")
SELECTABLE_TYPES = ("string", "boolean", "integer")
SELECTABLE_FIELDS_MAX = 8
WARNING_LENGTH_MAX = 256
STRATEGIES = ("None", "Webhook")
REVIEW_VERSIONS = ("v1", "v1beta1")
SIMPLE_PATH = "must be a simple json path starting with ."


def validate_warning(version: Object, path: str) -> list[FieldError]:
    """The text that users of a deprecated version read."""
    words = version.get("deprecationWarning")
    if words is None:
        return []
    if not version.get("deprecated"):
        return [invalid(path, words, "can only be set for deprecated versions")]
    problems = []
    if len(words.encode()) > WARNING_LENGTH_MAX:
        problems.append(invalid(path, words, f"must be <= {WARNING_LENGTH_MAX} characters long"))
    if not words:
        problems.append(invalid(path, words, "must not be an empty string"))
    for index, letter in enumerate(words):
        if not letter.isprintable():
            text = f"must only contain printable UTF-8 characters; non-printable character found at index {index}"
            problems.append(invalid(path, words, text))
            break
    return problems


def validate_subresources(subresources: Object | None, path: str) -> list[FieldError]:
    """Where the numbers of `scale` lie."""
    scale = (subresources or {}).get("scale")
    if scale is None:
        return []
    problems = []
    for name, root in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        where, field = scale.get(name) or "", f"{path}.scale.{name}"
        if not where:
            problems.append(required(field))
        elif not where.startswith("."):
            problems.append(invalid(field, where, SIMPLE_PATH))
        elif not where.startswith(root):
            problems.append(invalid(field, where, f"should be a json path under {root[:-1]}"))
    if selector := scale.get("labelSelectorPath"):
        field = f"{path}.scale.labelSelectorPath"
        if not selector.startswith("."):
            problems.append(invalid(field, selector, SIMPLE_PATH))
        elif not selector.startswith((".spec.", ".status.")):
            problems.append(invalid(field, selector, "should be a json path under either .spec or .status"))
    return problems


def validate_columns(columns: Sequence[Object], path: str) -> list[FieldError]:
    """The columns that `kubectl get` prints."""
    problems = []
    types, formats = (f"must be one of {','.join(words)}" for words in (COLUMN_TYPES, COLUMN_FORMATS))
    for index, column in enumerate(columns):
        field = f"{path}[{index}]"
        if not column.get("name"):
            problems.append(required(f"{field}.name"))
        if not column.get("type"):
            problems.append(required(f"{field}.type", types))
        elif column["type"] not in COLUMN_TYPES:
            problems.append(invalid(f"{field}.type", column["type"], types))
        if column.get("format") and column["format"] not in COLUMN_FORMATS:
            problems.append(invalid(f"{field}.format", column["format"], formats))
        where = column.get("jsonPath")
        if not where:
            problems.append(required(f"{field}.JSONPath"))
        elif not where.startswith("."):
            problems.append(invalid(f"{field}.JSONPath", where, SIMPLE_PATH))
    return problems


def validate_selectable_fields(fields: Sequence[Object], schema: Object, path: str) -> list[FieldError]:
    """Fields that a field selector may name: simple paths to scalars."""
    problems: list[FieldError] = []
    seen: set[str] = set()
    for index, entry in enumerate(fields):
        where, field = entry.get("jsonPath") or "", f"{path}[{index}].jsonPath"
        if not where:
            problems.append(required(field))
            continue
        found, complaint = _field_schema(where, schema)
        if complaint:
            problems.append(invalid(field, where, f"is an invalid path: {complaint}"))
            continue
        if where.startswith(".metadata"):
            problems.append(invalid(field, where, "must not point to fields in metadata"))
        if (found or {}).get("type") not in SELECTABLE_TYPES:
            words = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats "
                "are allowed."
            )
            problems.append(invalid(field, where, words))
        if where in seen:
            problems.append(duplicate(field, where))
        seen.add(where)
    if len(seen) > SELECTABLE_FIELDS_MAX:
        problems.append(too_many(path, len(seen), SELECTABLE_FIELDS_MAX))
    return problems


def _field_schema(path: str, schema: Object) -> tuple[Object | None, str]:
    """The schema at a path, or what is wrong with the path."""
    if not re.fullmatch(r"(\.[A-Za-z_$][\w$-]*)+", path):
        return None, f'expected [ or . but got: "{path[0]}"' if path[:1] not in (".", "[") else "unexpected format"
    found: Object | None = schema
    for name in path[1:].split("."):
        properties = (found or {}).get("properties") or {}
        if name == "metadata" and found is schema and name not in properties:
            return {"type": "object"}, ""
        if name not in properties:
            return (
                None,
                f'does not refer to a valid field: "{name}"' if not found else "does not refer to a valid field",
            )
        found = properties[name]
    return found, ""


def validate_conversion(conversion: Object | None, path: str) -> list[FieldError]:
    """How objects of one version become objects of another."""
    if conversion is None:
        return []
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook") or {}
    problems = []
    if not strategy:
        problems.append(required(f"{path}.strategy"))
    elif strategy not in STRATEGIES:
        problems.append(not_supported(f"{path}.strategy", strategy, STRATEGIES))
    config, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    client = f"{path}.webhookClientConfig"
    if strategy != "Webhook":
        words = "should not be set when strategy is not set to Webhook"
        problems += [forbidden(client, words)] if config is not None else []
        problems += [forbidden(f"{path}.conversionReviewVersions", words)] if versions else []
        return problems
    if config is None:
        problems.append(required(client, "required when strategy is set to Webhook"))
    else:
        problems += _client_config(config, client)
    return problems + _review_versions(versions, f"{path}.conversionReviewVersions")


def _client_config(config: Object, path: str) -> list[FieldError]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None and urlsplit(url).scheme != "https":
        return [
            invalid(
                f"{path}.url",
                urlsplit(url).scheme,
                "'https' is the only allowed URL scheme; desired format: https://host[/path]",
            )
        ]
    if service is not None:
        return [required(f"{path}.service.{name}", f"service {name} is required")
                for name in ("name", "namespace") if not service.get(name)]  # fmt: skip
    return []


def _review_versions(versions: Sequence[str], path: str) -> list[FieldError]:
    if not versions:
        return [required(path)]
    problems = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            problems.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        else:
            problems += [invalid(f"{path}[{index}]", version, words) for words in dns_1035_label(version)]
    if not any(version in REVIEW_VERSIONS for version in versions):
        problems.append(invalid(path, list(versions), f"must include at least one of {', '.join(REVIEW_VERSIONS)}"))
    return problems
