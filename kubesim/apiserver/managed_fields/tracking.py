"""Keeps managedFields for every create, update and patch: whoever changes a field owns it from then on.

Only what a write changes is looked at. The usual write, a heartbeat or a status, changes values of fields that
its manager owns already: then every set stays the object that it was, and at most the entry's time is new.
Sets are interned, so a thousand Pods of one shape share one set.

An update that changes nothing leaves entries and times alone. An object without entries (they can be reset)
stays without until somebody applies.
Left out: fields whose list or map type has changed since they were written.
Upstream: FieldManager.Update in k8s.io/apimachinery/pkg/util/managedfields, Updater.Update in
sigs.k8s.io/structured-merge-diff/v6/merge.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from kubesim.api.fieldset import (
    EMPTY,
    Comparison,
    FieldSet,
    TypedError,
    TypeNode,
    compare,
    difference,
    ordered,
    recursive_difference,
    union,
)
from kubesim.api.resources import PODS, SERVED, Resource
from kubesim.api.stored import Object
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.entries import (
    UPDATE,
    Entries,
    Entry,
    Identity,
    cap,
    entry_of,
    identity_of,
    is_reset,
    is_updater,
    read,
    sort,
)
from kubesim.apiserver.managed_fields.rules import SERVER_FIELDS, manager_of, reset_fields
from kubesim.apiserver.memo import Memo

INTERNED_MAX = 4096
Outline = tuple[Any, ...]
# What a comparison need not look at: the server's own fields.
_PASSED_OVER = frozenset(
    ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion")
)
_OWN_KEYS = SERVER_FIELDS.keys()


class FieldTracker:
    """Keeps the owners of one resource's fields.

    `find_node` finds its type, which is None for a kind without a schema, at the first write. `also_known` is
    one more version that entries may have.
    """

    def __init__(self, resource: Resource, find_node: Callable[[], TypeNode], also_known: str = "") -> None:
        self.resource = resource
        self._find_node = find_node
        self._versions = _versions(resource) | {also_known}
        self._reset: dict[str, FieldSet] = {}
        self._interned: dict[bytes, FieldSet] = {}
        self._created: dict[bytes, FieldSet] = {}  # All that a new object has → what its creator owns of that.
        self._outlined: Memo[Outline, FieldSet] = Memo()  # What the creator owns, by outline.
        self._specs: Memo[int, tuple[Object, FieldSet]] = Memo()  # Of Pods: the fields of specs, by identity.
        self._encode = msgspec.json.Encoder().encode

    @cached_property
    def node(self) -> TypeNode:
        """The type of the resource's kind."""
        return self._find_node()

    def created(self, context: RequestContext, obj: Object) -> None:
        """Gives a new object, as it came from its creator, the entry of its creator."""
        try:
            fields = self._fields_of_creator(_visible(obj))
        except TypedError:
            return
        if fields:
            identity = self.updater(context)
            entry = entry_of(identity, self.resource.api_version, fields, context.sim.clock.timestamp())
            obj["metadata"]["managedFields"] = [entry]

    def _fields_of_creator(self, obj: Object) -> FieldSet:
        """What the creator of an object owns: the same of objects with one outline."""
        outline = outline_of(obj)
        fields = None if outline is None else self._outlined.get(outline)
        if fields is not None:
            return fields
        taken = self._all_of(obj)
        key = self._encode(taken)
        fields = self._created.get(key)
        if fields is None:
            owned = self.excluding(Comparison(taken, EMPTY), "").taken
            fields = remembered(self._created, key, self.intern(difference(owned, SERVER_FIELDS)))
        if outline is not None:
            self._outlined.put(outline, fields)
        return fields

    def _all_of(self, obj: Object) -> FieldSet:
        """Everything that a new object has. Pods of one template share a spec, whose fields are found once."""
        spec = obj.get("spec")
        if self.resource != PODS or not spec:
            return self.compare({}, obj).taken
        known = self._specs.get(id(spec))
        if known is None or known[0] is not spec:
            known = (spec, self.compare({}, {"spec": spec}).taken)
            self._specs.put(id(spec), known)  # That spec is held, so no other has its id.
        rest = {name: part for name, part in obj.items() if name != "spec"}
        return {**self.compare({}, rest).taken, **known[1]}

    def updated(self, context: RequestContext, obj: Object, old: Object, *, same_metadata: bool = False) -> None:
        """Sets the managedFields of `obj`, which a client makes of `old`; its metadata is the request's own."""
        subresource = context.request.subresource
        metadata = obj["metadata"]
        before: Entries | None = old["metadata"].get("managedFields")
        entries = before if subresource else _given(metadata.get("managedFields"), before)
        if entries:
            try:
                change = self.excluding(self.compare(old, obj, same_metadata=same_metadata), subresource)
                if entries is not before:
                    entries = self.known(entries)
                if not change.is_same:
                    entries = self.after(entries, change, context)
            except TypedError:
                entries = before
        if entries:
            metadata["managedFields"] = entries
        else:
            metadata.pop("managedFields", None)

    def after(self, entries: Entries, change: Comparison, context: RequestContext) -> Entries:
        """The entries after a change by the request's manager; the same list if nobody's fields or time change."""
        taken, removed = change
        own = taken if _OWN_KEYS.isdisjoint(taken) else difference(taken, SERVER_FIELDS)
        lost = union(taken, removed) if removed else taken
        request = context.request
        manager, subresource, version = manager_of(request), request.subresource, self.resource.api_version
        now = "" if subresource == "scale" else context.sim.clock.timestamp()
        result: Entries = []
        is_changed = False
        made: Entry | None
        for entry in entries:
            if own and is_updater(entry, manager, version, subresource):
                made = self._grown(entry, difference(entry["fieldsV1"], removed), own, now)
                own = EMPTY
            else:
                made = self._shrunk(entry, lost)
            is_changed = is_changed or made is not entry
            if made is not None:
                result.append(made)
        if own:
            result.append(entry_of((manager, UPDATE, version, subresource), version, self.intern(own), now))
            is_changed = True
        return cap(sort(result)) if is_changed else entries

    def compare(self, old: Object, new: Object, *, same_metadata: bool = False) -> Comparison:
        """What has changed, but for the server's own fields."""
        if same_metadata:
            return compare(self.node, old, {**new, "metadata": old["metadata"]})
        return compare(self.node, _visible(old), _visible(new))

    def excluding(self, change: Comparison, subresource: str) -> Comparison:
        """A change without what such a write cannot change."""
        reset = self.reset(subresource)
        if reset.keys().isdisjoint(change.taken) and reset.keys().isdisjoint(change.removed):
            return change
        return Comparison(recursive_difference(change.taken, reset), recursive_difference(change.removed, reset))

    def reset(self, subresource: str) -> FieldSet:
        """What a write to a subresource ("" for the main one) cannot change."""
        found = self._reset.get(subresource)
        if found is None:
            found = self._reset[subresource] = reset_fields(self.resource, subresource)
        return found

    def known(self, entries: Entries) -> Entries:
        """Without those of versions that nobody serves any more, which cannot be compared."""
        if all(self._is_known(entry["apiVersion"]) for entry in entries):
            return entries
        return [entry for entry in entries if self._is_known(entry["apiVersion"])]

    def _is_known(self, version: str) -> bool:
        """Of a custom resource, the versions of its group: nothing but their name differs."""
        if self.resource.custom:
            return version.partition("/")[0] == self.resource.group
        return version in self._versions

    def intern(self, fields: FieldSet) -> FieldSet:
        """The one set with these fields, in order."""
        key = self._encode(fields)
        found = self._interned.get(key)
        if found is None:
            in_order = ordered(fields)
            in_order_key = key if in_order is fields else self._encode(in_order)
            found = self._interned.get(in_order_key) or remembered(self._interned, in_order_key, in_order)
            remembered(self._interned, key, found)  # What comes in this order again need not be sorted again.
        return found

    def updater(self, context: RequestContext) -> Identity:
        """Whose entry a write goes to."""
        request = context.request
        return manager_of(request), UPDATE, self.resource.api_version, request.subresource

    def _grown(self, entry: Entry, fields: FieldSet, own: FieldSet, now: str) -> Entry:
        made = union(fields, own)
        if made is entry["fieldsV1"]:
            return entry if entry.get("time", "") == now else {**entry, "time": now}
        return entry_of(identity_of(entry), entry["apiVersion"], self.intern(made), now)

    def _shrunk(self, entry: Entry, lost: FieldSet) -> Entry | None:
        fields = difference(entry["fieldsV1"], lost)
        if fields is entry["fieldsV1"]:
            return entry
        return {**entry, "fieldsV1": self.intern(fields)} if fields else None


def remembered(known: dict[bytes, FieldSet], key: bytes, fields: FieldSet) -> FieldSet:
    """Puts a set among those that are known, of which there are never too many."""
    if len(known) >= INTERNED_MAX:
        known.clear()
    known[key] = fields
    return fields


def _given(given: object, before: Entries | None) -> Entries | None:
    """The entries to start from: what a client sends, if it is valid, else what was there."""
    if given is before or given is None:
        return before
    if is_reset(given):
        return []
    if given == before:
        return before
    return read(given) or before


def outline_of(obj: Object) -> Outline | None:
    """The names of an object's fields, with the value where that is empty; None for one that goes deeper.

    Who owns what depends on nothing else: not on names of items, since there are no lists.
    """
    outline: list[Any] = []
    for name, part in obj.items():
        if type(part) is dict:
            inner: list[Any] = [name]
            for key, value in part.items():
                if type(value) is dict or type(value) is list:
                    return None
                inner.append(key if value else (key, value))
            outline.append(tuple(inner))
        elif type(part) is list:
            return None
        else:
            outline.append(name if part else (name, None, part))  # None is no name of a field.
    return tuple(outline)


def _visible(obj: Object) -> Object:
    metadata = obj.get("metadata")
    if not metadata:
        return obj
    return {**obj, "metadata": {name: part for name, part in metadata.items() if name not in _PASSED_OVER}}


def _versions(resource: Resource) -> frozenset[str]:
    rows = (row for row in SERVED if (row.group, row.kind) == (resource.group, resource.kind))
    return frozenset(row.api_version for row in rows) | {resource.api_version}
