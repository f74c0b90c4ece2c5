"""From a query string to `Options` and DeleteOptions.

Values that cannot be understood are refused in the words of the real server.
Upstream: ListOptions, CreateOptions, … of k8s.io/apimachinery/pkg/apis/meta/v1 and their validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubesim.api.errors import BadRequestError, FieldError, invalid
from kubesim.api.resources import Resource
from kubesim.api.wire import APPLY_PATCH, Options
from kubesim.apiserver.http.paths import flag
from kubesim.apiserver.managed_fields.rules import manager_problems
from kubesim.apiserver.validation.field import forbidden, not_supported, required

ALL = "All"
FIELD_VALIDATIONS = ("Ignore", "Strict", "Warn")
INTEGER, DIGITS_MAX = re.compile(r"[+-]?[0-9]+"), 20
OPTIONS_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}

Query = Mapping[str, Sequence[str]]


def parse_options(verb: str, query: Query, patch_type: str = "") -> Options:
    """The options of a request."""
    dry_run = query.get("dryRun") or ()
    problems = []
    if verb in OPTIONS_KINDS:
        problems = _patch_problems(query, patch_type) if verb == "patch" else []
        problems += manager_problems(_one(query, "fieldManager"))
    _check(verb, problems, dry_run, _one(query, "fieldValidation"))
    return Options(
        label_selector=_one(query, "labelSelector"),
        field_selector=_one(query, "fieldSelector"),
        limit=max(number(query, "limit") or 0, 0),
        continue_=_one(query, "continue"),
        resource_version=_one(query, "resourceVersion"),
        resource_version_match=_one(query, "resourceVersionMatch"),
        timeout_seconds=number(query, "timeoutSeconds"),
        allow_watch_bookmarks=is_set(query, "allowWatchBookmarks"),
        send_initial_events=is_set(query, "sendInitialEvents"),
        dry_run=ALL in dry_run,
        field_manager=_one(query, "fieldManager"),
        field_validation=_one(query, "fieldValidation"),
        force=is_set(query, "force"),
    )


def delete_options(query: Query) -> dict[str, Any]:
    """What DELETE may say in its query instead of in a body."""
    options: dict[str, Any] = {}
    if (grace := number(query, "gracePeriodSeconds")) is not None:
        options["gracePeriodSeconds"] = grace
    if policy := _one(query, "propagationPolicy"):
        options["propagationPolicy"] = policy
    if "orphanDependents" in query:
        options["orphanDependents"] = is_set(query, "orphanDependents")
    if dry_run := query.get("dryRun"):
        options["dryRun"] = list(dry_run)
    return options


def _patch_problems(query: Query, patch_type: str) -> list[FieldError]:
    """Only who applies may use force, and must say who he is."""
    if patch_type != APPLY_PATCH:
        words = "may not be specified for non-apply patch"
        return [forbidden("force", words)] if "force" in query else []
    return [] if _one(query, "fieldManager") else [required("fieldManager", "is required for apply patch")]


def _check(verb: str, problems: list[FieldError], dry_run: Sequence[str], field_validation: str) -> None:
    kind = OPTIONS_KINDS.get(verb, "DeleteOptions")
    if any(value != ALL for value in dry_run):
        shown = next(value for value in dry_run if value != ALL)
        problems.append(not_supported("dryRun", shown, (ALL,)))
    if field_validation and field_validation not in FIELD_VALIDATIONS:
        choices = ", ".join(f'"{choice}"' for choice in FIELD_VALIDATIONS)
        words = f'Invalid value: "{field_validation}": supported values: {choices}'
        problems.append(FieldError("FieldValueInvalid", "fieldValidation", words))
    if problems:
        raise invalid(Resource("meta.k8s.io", "v1", kind, ""), "", problems)


def _one(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def number(query: Query, name: str) -> int | None:
    """An integer of 64 bits, None if it is not given."""
    text = _one(query, name)
    if not text:
        return None
    if INTEGER.fullmatch(text) is None:
        raise BadRequestError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > DIGITS_MAX or abs(int(text)) >= 1 << 63:
        raise BadRequestError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def is_set(query: Query, name: str) -> bool:
    """A flag is set by being named, unless its value says no."""
    return name in query and flag(_one(query, name))
