"""The entries of `metadata.managedFields`: reading what others have sent, order, and the limit on their number.

An entry is the plain dict that is stored and shown. Its `fieldsV1` is a set (`kubesim.api.fieldset`), so nothing
is decoded on the way. Entries and lists never change; a revision that changes nobody's fields has the very list
of the revision before it.
Upstream: k8s.io/apimachinery/pkg/util/managedfields/internal, managedfields.go and capmanagers.go.
"""

from __future__ import annotations

import json
from typing import Any

from kubesim.api.fieldset import EMPTY, FieldSet, FieldSetError, decode, union
from kubesim.api.stored import Object

Entry = dict[str, Any]
Entries = list[Entry]
Identity = tuple[str, str, str, str]  # Manager, operation, apiVersion (of an Update only), subresource.

APPLY, UPDATE = "Apply", "Update"
FIELDS_V1 = "FieldsV1"
UPDATE_MANAGERS_MAX = 10
ANCIENT_CHANGES = "ancient-changes"


def entry_of(identity: Identity, api_version: str, fields: FieldSet, time: str = "") -> Entry:
    """An entry with its fields in the order of the Go struct."""
    manager, operation, _, subresource = identity
    entry: Entry = {"manager": manager, "operation": operation, "apiVersion": api_version}
    if time:
        entry["time"] = time
    entry["fieldsType"] = FIELDS_V1
    entry["fieldsV1"] = fields
    if subresource:
        entry["subresource"] = subresource
    return entry


def identity_of(entry: Entry) -> Identity:
    """Whose entry it is. Who applies has one entry whatever version is applied."""
    operation = entry["operation"]
    version = entry["apiVersion"] if operation == UPDATE else ""
    return entry.get("manager", ""), operation, version, entry.get("subresource", "")


def is_updater(entry: Entry, manager: str, version: str, subresource: str) -> bool:
    """Whether an entry is that of a manager who updates."""
    return bool(
        entry["manager"] == manager
        and entry["operation"] == UPDATE
        and entry["apiVersion"] == version
        and entry.get("subresource", "") == subresource
    )


def identity_text(identity: Identity) -> str:
    """The identity as upstream keeps it, which decides the order of conflicts and of merging."""
    names = ("manager", "operation", "apiVersion", "subresource")
    return json.dumps({name: part for name, part in zip(names, identity, strict=True) if part}, separators=(",", ":"))


def is_same_but_for_times(obj: Object, old: Object) -> bool:
    """Whether two revisions differ in nothing but times of entries: then the second is not worth a write."""
    new_entries, entries = obj["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if new_entries is entries or not new_entries or not entries or len(new_entries) != len(entries):
        return False
    for name, value in obj.items():
        if name != "metadata" and value is not old.get(name) and value != old.get(name):
            return False
    if any(part is not old.get(name) and part != old.get(name) for name, part in obj.items() if name != "metadata"):
        return False  # Nearly always: what follows costs more.
    if any({**one, "time": ""} != {**other, "time": ""} for one, other in zip(new_entries, entries, strict=True)):
        return False
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}} == old


def is_reset(given: Any) -> bool:
    """Whether somebody asks to forget all managers: an empty list, or one with one empty entry."""
    return isinstance(given, list) and (not given or (len(given) == 1 and not given[0]))


def read(given: Any) -> Entries | None:
    """The entries that somebody has sent, None if they are not valid."""
    if not isinstance(given, list):
        return None
    try:
        found = [_read(entry) for entry in given]
    except (FieldSetError, TypeError, KeyError, AttributeError):
        return None
    # Of two entries of one manager the later counts.
    return sort(list({identity_of(entry): entry for entry in found}.values()))


def _read(entry: Any) -> Entry:
    if entry.get("operation") not in (APPLY, UPDATE):
        raise FieldSetError("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise FieldSetError("apiVersion must not be empty")
    if entry.get("fieldsType") != FIELDS_V1:
        raise FieldSetError("missing or invalid fieldsType")
    fields = decode(entry.get("fieldsV1") or EMPTY)
    identity = (entry.get("manager") or "", entry["operation"], "", entry.get("subresource") or "")
    return entry_of(identity, entry["apiVersion"], fields, entry.get("time") or "")


def sort(entries: Entries) -> Entries:
    """Those who apply first, then by time, then by name."""
    if len(entries) > 1:
        entries.sort(key=_order)
    return entries


def _order(entry: Entry) -> tuple[str, ...]:
    return (
        entry["operation"], entry.get("time") or "", entry.get("manager", ""), entry["apiVersion"],
        entry.get("subresource", ""),
    )  # fmt: skip


def cap(entries: Entries) -> Entries:
    """At most ten who update: of more, the oldest are put together, by version, as "ancient-changes"."""
    updaters = [entry for entry in entries if entry["operation"] == UPDATE]
    too_many = len(updaters) - UPDATE_MANAGERS_MAX
    if too_many <= 0:
        return entries
    updaters.sort(key=lambda entry: (entry.get("time") or "", identity_text(identity_of(entry))))
    kept = {identity_of(entry): entry for entry in entries}
    first_of_version: dict[str, Identity] = {}
    for entry in updaters:
        if not too_many:
            break
        version, identity = entry["apiVersion"], identity_of(entry)
        bucket = (ANCIENT_CHANGES, UPDATE, version, "")
        first = first_of_version.setdefault(version, identity)
        if first == identity:
            continue
        before = kept[bucket] if bucket in kept else kept.pop(first)
        fields = union(entry["fieldsV1"], before["fieldsV1"])
        kept[bucket] = entry_of(bucket, version, fields, entry.get("time", ""))
        del kept[identity]
        too_many -= 1
    return sort(list(kept.values()))
