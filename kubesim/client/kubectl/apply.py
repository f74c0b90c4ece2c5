"""`kubectl apply`: what the manifest says is set, what it said last time and says no more is removed.

The last applied manifest is remembered in an annotation of the object, as kubectl's client-side apply does.
The patch is a strategic merge patch, so lists with merge keys (containers, ports, env) merge by key.
"""

from __future__ import annotations

from typing import Any, Literal

import orjson

from kubesim.api.errors import NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.api.wire import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Options
from kubesim.client.client import Client

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
FIELD_MANAGER = Options(field_manager="kubectl-client-side-apply", field_validation="Strict")
Outcome = Literal["created", "configured", "unchanged"]


async def apply_object(
    client: Client, resource: Resource, manifest: Object, namespace: str, options: Options = FIELD_MANAGER
) -> Outcome:
    """Creates or changes one object so that it says what `manifest` says."""
    if resource.namespaced:
        manifest = with_fields(manifest, {"namespace": manifest["metadata"].get("namespace") or namespace}, "metadata")
    wanted = with_last_applied(manifest)
    name = manifest["metadata"]["name"]
    where = manifest["metadata"].get("namespace", "") if resource.namespaced else ""
    try:
        live = (await client.get(resource, name, where)).object
    except NotFoundError:
        await client.create(resource, wanted, where, options=options)
        return "created"
    before = live["metadata"].get("annotations", {}).get(LAST_APPLIED)
    if before == wanted["metadata"]["annotations"][LAST_APPLIED]:
        return "unchanged"
    removed = removals(orjson.loads(before), wanted) if before else {}
    patch = merged({key: value for key, value in wanted.items() if key != "status"}, removed)
    patch_type = (
        STRATEGIC_MERGE_PATCH if resource.group.count(".") == 0 or resource.group.endswith(".k8s.io") else MERGE_PATCH
    )
    await client.patch(resource, name, patch, where, patch_type=patch_type, options=options)
    return "configured"


def with_last_applied(manifest: Object) -> Object:
    """The manifest with itself in its annotation, encoded as kubectl does: sorted keys and a final newline."""
    annotations = {k: v for k, v in (manifest["metadata"].get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = with_fields(manifest, {"annotations": annotations}, "metadata")
    text = orjson.dumps(bare, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    return with_fields(bare, {LAST_APPLIED: text}, "metadata", "annotations")


def removals(before: Any, now: Any) -> dict[str, Any]:
    """A patch that removes every field which `before` had and `now` has not (lists are left to their keys)."""
    patch: dict[str, Any] = {}
    for key, value in before.items():
        if key not in now:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(now[key], dict):
            inner = removals(value, now[key])
            if inner:
                patch[key] = inner
    return patch


def merged(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Both patches in one."""
    result = dict(base)
    for key, value in extra.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result
