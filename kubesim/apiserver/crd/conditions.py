"""The conditions of a CustomResourceDefinition, and which names it may have. Pure.

Names are taken in the order of arrival: of two definitions in one group that want the same plural, kind or short
name the second one waits, with NamesAccepted=False, until the first is gone.
Upstream: pkg/controller/{status,establish,apiapproval} and apihelpers in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubesim.api.custom_resources import ESTABLISHED, NAMES_ACCEPTED, condition_of
from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.apiserver.crd.approval import approval_condition

INITIAL_NAMES = "the initial names have been accepted"


def with_condition(definition: Object, kind: str, status: str, reason: str, message: str, now: str) -> Object:
    """The definition with a condition set; the date is kept while the status is."""
    old = condition_of(definition, kind)
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
    made = {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
    made = {name: value for name, value in made.items() if value}
    if made == old:
        return definition
    conditions = (definition.get("status") or {}).get("conditions") or []
    if old is None:
        conditions = [*conditions, made]
    else:
        conditions = [made if condition["type"] == kind else condition for condition in conditions]
    return with_fields(definition, {"conditions": conditions}, "status")


def with_names(definition: Object, others: Iterable[Object], now: str) -> Object:
    """The definition with the names that it gets beside `others` of its group, and conditions that say so."""
    names, kinds = _taken(others)
    wanted = definition["spec"]["names"]
    accepted = (definition.get("status") or {}).get("acceptedNames") or {}
    new = dict(accepted)
    status, reason, message = "Unknown", "", ""
    for field, taken in (("plural", names), ("singular", names), ("shortNames", names), ("kind", kinds),
                         ("listKind", kinds)):  # fmt: skip
        complaint = _conflict(wanted.get(field), accepted.get(field), taken)
        if complaint:
            status, reason, message = "False", f"{field[0].upper()}{field[1:]}Conflict", complaint
        else:
            new[field] = wanted.get(field)
    new["categories"] = wanted.get("categories")
    if status == "Unknown":
        status, reason, message = "True", "NoConflicts", "no conflicts found"
    new = {name: value for name, value in new.items() if value or name in ("plural", "kind")}
    if new != accepted:
        definition = with_fields(definition, {"acceptedNames": new}, "status")
    definition = with_condition(definition, NAMES_ACCEPTED, status, reason, message, now)
    return _with_established(definition, accepted=status == "True", now=now)


def _with_established(definition: Object, *, accepted: bool, now: str) -> Object:
    """Established begins as False; once True it stays."""
    old = condition_of(definition, ESTABLISHED)
    if old is not None and old["status"] == "True":
        return definition
    if accepted:
        return with_condition(definition, ESTABLISHED, "False", "Installing", INITIAL_NAMES, now)
    if old is None:
        words = "not all names are accepted"
        return with_condition(definition, ESTABLISHED, "False", "NotAccepted", words, now)
    return definition


def established(definition: Object, now: str) -> Object:
    """The definition, served from now on."""
    return with_condition(definition, ESTABLISHED, "True", "InitialNamesAccepted", INITIAL_NAMES, now)


def with_approval(definition: Object, now: str) -> Object:
    """The definition with the condition that a group of the Kubernetes community must have."""
    condition = approval_condition(definition)
    return definition if condition is None else with_condition(definition, *condition, now)


def _taken(others: Iterable[Object]) -> tuple[set[str], set[str]]:
    names: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        accepted = (other.get("status") or {}).get("acceptedNames") or {}
        names.update(accepted.get(field) or "" for field in ("plural", "singular"))
        names.update(accepted.get("shortNames") or ())
        kinds.update(accepted.get(field) or "" for field in ("kind", "listKind"))
    return names - {""}, kinds - {""}


def _conflict(wanted: str | list[str] | None, accepted: str | list[str] | None, taken: set[str]) -> str:
    wanted = wanted or ""
    if isinstance(wanted, str):
        return f'"{wanted}" is already in use' if wanted and wanted != accepted and wanted in taken else ""
    own = accepted if isinstance(accepted, list) else []
    complaints = [f'"{name}" is already in use' for name in wanted if name not in own and name in taken]
    return complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]" if complaints else ""
