"""Server-side apply: an object becomes what a configuration says, and its manager owns all that it says.

    merge      the live object takes over every value of the configuration
    prune      what the manager applied last time, does not apply now and nobody else owns goes
    conflicts  what changes and belongs to others is refused, or with `force` taken away from them
    entries    the manager's entry is exactly what it has applied

If all that leaves the object as it is, only entries change, and without a time. Two managers that apply the same
value share the field.
Left out: versions of an object that differ in their fields, and a YAML key that is given twice.
Upstream: FieldManager.Apply in k8s.io/apimachinery/pkg/util/managedfields, Updater.Apply in
sigs.k8s.io/structured-merge-diff/v6/merge.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import ApiError, BadRequestError
from kubesim.api.fieldset import (
    EMPTY,
    FieldSet,
    TypedError,
    TypeNode,
    difference,
    field_set,
    intersection,
    merge,
    merged,
    recursive_difference,
    remove_items,
    union,
    validate,
    with_named_members,
)
from kubesim.api.stored import Object
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.managed_fields.conflicts import ApplyConflictError, conflicts_of, not_allowed
from kubesim.apiserver.managed_fields.entries import (
    APPLY,
    UPDATE,
    Entries,
    Identity,
    entry_of,
    identity_of,
    sort,
)
from kubesim.apiserver.managed_fields.last_applied import KUBECTL, configured_fields, with_last_applied
from kubesim.apiserver.managed_fields.rules import SERVER_FIELDS
from kubesim.apiserver.managed_fields.tracking import FieldTracker

BEFORE_FIRST_APPLY = "before-first-apply"
MUST_BE_NIL = "metadata.managedFields must be nil"
Owners = dict[Identity, FieldSet]


class Applied(NamedTuple):
    """What came of it: the object, without managedFields, and the entries."""

    object: Object
    entries: Entries


def apply(tracker: FieldTracker, context: RequestContext, live: Object, config: Object) -> Object:
    """The object that a configuration makes of the live one ({} if there is none), with its managedFields."""
    check_configuration(tracker, config)
    _check_type(tracker.node, config)
    manager = context.request.options.field_manager
    entries = _entries(tracker, context, live)
    bare = _without_entries(live)
    force = context.request.options.force
    try:
        applied = _apply(tracker, context, bare, config, entries, force=force)
    except ApplyConflictError as error:
        if manager != KUBECTL:
            raise
        allowed = configured_fields(tracker.node, live, tracker.resource.api_version)
        if rest := not_allowed(error.conflicts, allowed):
            raise ApplyConflictError(rest) from None
        applied = _apply(tracker, context, bare, config, entries, force=True)
    obj = with_last_applied(applied.object, config) if manager == KUBECTL else applied.object
    metadata = dict(obj.get("metadata") or {})
    if applied.entries:
        metadata["managedFields"] = applied.entries
    return {**obj, "metadata": metadata}


def check_configuration(tracker: FieldTracker, config: Object) -> None:
    """BadRequestError for a configuration of another kind, or one that says who manages what."""
    resource = tracker.resource
    if (config.get("apiVersion"), config.get("kind")) != resource.gvk:
        raise BadRequestError(f"invalid object type: {gvk_text(config)}")
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise BadRequestError(MUST_BE_NIL)


def gvk_text(obj: Object) -> str:
    """`apps/v1, Kind=Deployment`, of the core group `/v1, Kind=Pod`."""
    version = str(obj.get("apiVersion") or "")
    return f"{version if '/' in version else '/' + version}, Kind={obj.get('kind') or ''}"


def described(obj: Object) -> str:
    """Namespace, name and kind, as messages about a configuration show them."""
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}; {gvk_text(obj)}"


def _check_type(node: TypeNode, config: Object) -> None:
    try:
        validate(node, config)
    except TypedError as error:
        raise ApiError(f"failed to create typed patch object ({described(config)}): {error}") from None


def _entries(tracker: FieldTracker, context: RequestContext, live: Object) -> Entries:
    """The entries of the live object; one that has none gets one for all that is there."""
    entries = (live.get("metadata") or {}).get("managedFields")
    if entries or not live:
        return tracker.known(entries or [])
    fields = difference(tracker.excluding(tracker.compare({}, live), "").taken, SERVER_FIELDS)
    version = tracker.resource.api_version
    identity = (BEFORE_FIRST_APPLY, UPDATE, version, context.request.subresource)
    return [entry_of(identity, version, tracker.intern(fields), context.sim.clock.timestamp())]


def _without_entries(live: Object) -> Object:
    metadata = live.get("metadata") or {}
    if "managedFields" not in metadata:
        return live
    return {**live, "metadata": {name: part for name, part in metadata.items() if name != "managedFields"}}


def _apply(
    tracker: FieldTracker, context: RequestContext, live: Object, config: Object, entries: Entries, *, force: bool
) -> Applied:
    node, subresource = tracker.node, context.request.subresource
    me: Identity = (context.request.options.field_manager, APPLY, "", subresource)
    owners: Owners = {identity_of(entry): entry["fieldsV1"] for entry in entries}
    last = owners.get(me, EMPTY)
    owners[me] = recursive_difference(field_set(node, config), tracker.reset(subresource))
    wanted: Object = merge(node, live, config) if live else config
    if last:
        wanted = _pruned(node, wanted, last, merged(owners.values()))
    change = tracker.excluding(tracker.compare(live, wanted), subresource)
    others = {owner: fields for owner, fields in owners.items() if owner != me}
    taken_from = {owner: common for owner, fields in others.items() if (common := intersection(fields, change.taken))}
    if taken_from and not force:
        raise ApplyConflictError(conflicts_of(taken_from))
    lost = union(change.taken, change.removed)
    kept = {owner: difference(fields, lost) for owner, fields in others.items()}
    kept[me] = difference(owners[me], SERVER_FIELDS)
    is_same = wanted == live
    now = "" if is_same else context.sim.clock.timestamp()
    return Applied(live if is_same else wanted, _encoded(tracker, entries, kept, me, now))


def _pruned(node: TypeNode, wanted: Object, last: FieldSet, owned: FieldSet) -> Object:
    """Without what was applied last time and nobody owns now. `owned` includes what is applied this time."""
    everything = with_named_members(node, field_set(node, wanted))
    named_last = with_named_members(node, last)
    pruned = remove_items(node, wanted, named_last) or {}
    remaining = with_named_members(node, field_set(node, pruned))
    kept = union(remaining, with_named_members(node, owned))
    pruned = remove_items(node, wanted, difference(everything, kept)) or {}
    remaining = with_named_members(node, field_set(node, pruned))
    dangling = intersection(difference(everything, remaining), named_last)
    return remove_items(node, wanted, dangling) or {} if dangling else wanted


def _encoded(tracker: FieldTracker, entries: Entries, kept: Owners, me: Identity, now: str) -> Entries:
    result: Entries = []
    before = {identity_of(entry): entry for entry in entries}
    for owner, fields in kept.items():
        entry = before.get(owner)
        if not fields:
            continue
        if owner == me:
            time = now or (entry.get("time", "") if entry else "")
            made = entry_of(me, tracker.resource.api_version, tracker.intern(fields), time)
            result.append(entry if entry == made else made)
        elif entry is not None:
            is_same = fields is entry["fieldsV1"]
            result.append(entry if is_same else {**entry, "fieldsV1": tracker.intern(fields)})
    result = sort(result)
    return entries if result == entries else result
