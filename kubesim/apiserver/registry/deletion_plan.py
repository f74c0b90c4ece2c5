"""What a DELETE does to an object: a pure decision from the object, the options and the time.

Three things can keep a deleted object alive: a grace period (Pods), its finalizers, and the finalizers that
the propagation policy adds (`foregroundDeletion` until its dependents are gone, `orphan` until they are set
free). Such an object is only *marked*: deletionTimestamp is set. It ends with the update that takes away the
last reason, or with a second DELETE of no grace by whoever waited for the end (the kubelet).

Upstream: rest.BeforeDelete, Store.updateForGracefulDeletionAndFinalizers, markAsDeleting.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from kubesim.api.errors import ConflictError
from kubesim.api.meta import with_fields
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.validation.metadata import FOREGROUND, ORPHAN
from kubesim.sim import Clock

POLICY_FINALIZERS = {"Orphan": ORPHAN, "Foreground": FOREGROUND}


class DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a DELETE."""

    grace_period_seconds: int | None = None
    propagation_policy: str = ""
    orphan_dependents: bool | None = None  # What the policy was before it had a name.
    preconditions: dict[str, str] = {}
    dry_run: tuple[str, ...] = ()


class Deletion(msgspec.Struct, frozen=True):
    """First write `update` if there is one; then remove the object if `removes`."""

    update: Object | None
    removes: bool


NOTHING_TO_DO = Deletion(None, removes=False)


def plan_deletion(
    resource: Resource, obj: Object, options: DeleteOptions, clock: Clock, *, grace: int | None, orphans: bool
) -> Deletion:
    """Decides; ConflictError if the preconditions do not hold.

    `grace` is how long the object may go on, None for a kind without grace; `orphans` whether its dependents
    are set free when no policy is given.
    """
    metadata = obj["metadata"]
    _check_preconditions(resource, metadata, options)
    finalizers = _finalizers(metadata, options, orphans=orphans)
    pending = metadata.get("deletionGracePeriodSeconds")
    changes: dict[str, Any] = {}
    if grace is not None and "deletionTimestamp" not in metadata:
        changes = _mark(metadata, _in_seconds(clock, grace), grace)
    elif grace is not None and pending:  # Only a shorter grace can still be asked for.
        requested = options.grace_period_seconds
        if requested is None or requested >= pending:
            return NOTHING_TO_DO
        grace = requested if requested >= 0 else 1
        changes = {"deletionTimestamp": _in_seconds(clock, grace), "deletionGracePeriodSeconds": grace}
    else:
        grace = None
    if grace is None and finalizers:
        changes = _mark(metadata, metadata.get("deletionTimestamp") or clock.timestamp(), 0)
    if finalizers != (metadata.get("finalizers") or []):
        changes["finalizers"] = finalizers or None
    update = with_fields(obj, changes, "metadata") if changes else obj
    return Deletion(update if update != obj else None, removes=not finalizers and not grace)


def _check_preconditions(resource: Resource, metadata: Object, options: DeleteOptions) -> None:
    kind, name = resource.kind, metadata["name"]
    uid, version = options.preconditions.get("uid"), options.preconditions.get("resourceVersion")
    why = ""
    if uid and uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif version and version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({metadata['resourceVersion']}). The object might have been modified"
        )
    if why:
        message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
        raise ConflictError(message, {"name": name, "group": resource.group, "kind": kind})


def _finalizers(metadata: Object, options: DeleteOptions, *, orphans: bool) -> list[str]:
    """The finalizers with those of the propagation policy put in or taken out."""
    old: list[str] = metadata.get("finalizers") or []
    wanted = _policy_finalizer(old, options, orphans=orphans)
    if (wanted in old) == bool(wanted) and not any(f in old for f in (ORPHAN, FOREGROUND) if f != wanted):
        return old
    kept = [finalizer for finalizer in old if finalizer not in (ORPHAN, FOREGROUND)]
    return [*kept, wanted] if wanted else kept


def _policy_finalizer(old: list[str], options: DeleteOptions, *, orphans: bool) -> str:
    """The finalizer that the policy asks for; "" for a deletion in the background."""
    if options.orphan_dependents is not None:
        return ORPHAN if options.orphan_dependents else ""
    if options.propagation_policy:
        return POLICY_FINALIZERS.get(options.propagation_policy, "")
    for finalizer in (FOREGROUND, ORPHAN):
        if finalizer in old:
            return finalizer
    return ORPHAN if orphans else ""


def _mark(metadata: Object, timestamp: str, grace: int) -> dict[str, Any]:
    """The fields that say "is being deleted". The first mark is a new generation: something else is wanted now."""
    changes: dict[str, Any] = {"deletionTimestamp": timestamp, "deletionGracePeriodSeconds": grace}
    if "deletionTimestamp" not in metadata and metadata.get("generation"):
        changes["generation"] = metadata["generation"] + 1
    return changes


def _in_seconds(clock: Clock, seconds: int) -> str:
    moment = datetime.fromisoformat(clock.timestamp()) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
