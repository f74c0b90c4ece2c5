"""Applying a Scale: its one field lies somewhere in the object that it stands for, and so do its owners.

The entries of the object that own the number are shown as entries of the Scale; after the apply they are put
back. As upstream the entry of a manager that is new has no time.
Upstream: scalehandler.go in k8s.io/apimachinery/pkg/util/managedfields.
"""

from __future__ import annotations

from kubesim.api.fieldset import FieldSet, difference, field_set_of
from kubesim.api.meta import with_fields
from kubesim.api.stored import Object
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.applying import apply
from kubesim.apiserver.managed_fields.entries import Entries, Entry, entry_of, identity_of, sort
from kubesim.apiserver.managed_fields.tracking import FieldTracker

REPLICAS = field_set_of("spec.replicas")


def apply_scale(
    tracker: FieldTracker, scale_type: FieldTracker, context: RequestContext, live: Object, scale: Object, path: str
) -> Object:
    """The Scale after the request's configuration; its managedFields are those of the object that it stands for.

    `live` is that object, `scale` its Scale, `path` where the number lies, with dots; `tracker` and `scale_type`
    are the types of both.
    """
    config = context.request.body
    entries: Entries = live["metadata"].get("managedFields") or []
    shown = [
        entry_of(identity_of(entry), entry["apiVersion"], REPLICAS, entry.get("time", ""))
        for entry in entries
        if not difference(field_set_of(path), entry["fieldsV1"])
    ]
    applied = apply(scale_type, context, with_fields(scale, {"managedFields": shown}, "metadata"), config)
    after: Entries = applied["metadata"].get("managedFields") or []
    mapped = _mapped_back(entries, after, tracker, field_set_of(path))
    return with_fields(applied, {"managedFields": mapped or None}, "metadata")


def _mapped_back(entries: Entries, of_scale: Entries, tracker: FieldTracker, number: FieldSet) -> Entries:
    """The object's entries: who is not in the Scale's any more has lost the number, who is new there has it."""
    owning = {_key(entry) for entry in of_scale}
    result: Entries = []
    there = set()
    for entry in entries:
        fields: FieldSet = entry["fieldsV1"]
        kept = fields if _key(entry) in owning else difference(fields, number)
        if kept:
            there.add(_key(entry))
            result.append(entry if kept is fields else {**entry, "fieldsV1": tracker.intern(kept)})
    version = tracker.resource.api_version
    for entry in of_scale:
        if _key(entry) not in there:
            result.append(entry_of(identity_of(entry), version, number))
    return sort(result)


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry["manager"], entry["operation"], entry.get("subresource", "")
