"""`pods/eviction`: a deletion that asks for leave first.

A PodDisruptionBudget that selects the Pod must have a disruption left: it is taken from the budget's status, with
the Pod's name and the time, so that the disruption controller knows what is going on. If there is none left the
answer is 429, and whoever asked (`kubectl drain`) comes back later. Pods that have ended, have not begun or are
on their way out need no leave; unhealthy ones need none while the budget is met, or never if it says so.
The Pod gets the condition DisruptionTarget and is then deleted.
Upstream: EvictionREST in pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, ConflictError, not_found
from kubesim.api.meta import with_fields
from kubesim.api.resources import POD_DISRUPTION_BUDGETS
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Response
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.registry.change import change
from kubesim.apiserver.registry.deletion import delete_with
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.subresources.disruption import decremented, refused

TRIES_MAX = 20
FREE_PHASES = ("Succeeded", "Failed", "Pending")
TERMINAL_PHASES = ("Succeeded", "Failed")
TOO_MANY_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


async def evict(registry: Registry, context: RequestContext) -> Response:
    """Deletes the Pod as the Eviction's deleteOptions say, if its budget has a disruption left."""
    eviction = context.request.body or {}
    if (eviction.get("metadata") or {}).get("name", context.request.name) != context.request.name:
        raise BadRequestError("name in URL does not match name in Eviction object")
    options: Object = dict(eviction.get("deleteOptions") or {})
    is_dry = _is_dry(options, context)
    registry.admission.mutate(context, eviction, None)
    for tries_left in reversed(range(TRIES_MAX)):
        pod = await registry.storage.get(registry.key(context))
        if pod is None:
            raise not_found(registry.resource, context.request.name)
        guarded, budget = await _ask(registry, context, pod, is_dry=is_dry)
        try:
            await _delete(registry, context, pod, options, is_dry=is_dry, only_if_unchanged=guarded)
            break
        except ConflictError as error:
            if not guarded or "resourceVersion" in (options.get("preconditions") or {}):
                raise
            if budget is not None:
                why = f"The disruption budget {budget.name} is still being processed by the server."
                raise refused(why, retry_after_seconds=10) from error
            if not tries_left:
                raise
    return Response(
        201, status={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    )


def _is_dry(options: Object, context: RequestContext) -> bool:
    """Whether nothing is to be done; the request and the Eviction must agree if both say something."""
    asked, stated = ["All"] if context.request.options.dry_run else [], list(options.get("dryRun") or ())
    if asked and stated and asked != stated:
        words = f"Non-matching dry-run options in request and content: {asked} and {stated}"
        raise BadRequestError(words)
    return bool(asked or stated)


async def _ask(registry: Registry, context: RequestContext, pod: Stored, *, is_dry: bool) -> tuple[bool, Stored | None]:
    """Takes a disruption from the Pod's budget, or raises what it says.

    Returns whether the answer holds only for the Pod as it is now, and whose answer it was.
    """
    phase, metadata = (pod.object.get("status") or {}).get("phase"), pod.object["metadata"]
    if phase in FREE_PHASES or metadata.get("deletionTimestamp"):
        return phase not in TERMINAL_PHASES and not metadata.get("deletionTimestamp"), None
    budgets = budgets_of(registry, pod)
    if not budgets:
        return False, None
    if len(budgets) > 1:
        raise ApiError(TOO_MANY_BUDGETS)
    budget = budgets[0]
    if not _is_ready(pod.object) and _spares_unhealthy(budget.object):
        return True, budget
    await _decrement(registry, context, budget, pod.name, is_dry=is_dry)
    return False, budget


def budgets_of(registry: Registry, pod: Stored) -> list[Stored]:
    """The budgets that select a Pod. Labels change, so they are looked at every time."""
    labels = pod.object["metadata"].get("labels") or {}
    found = []
    for stored in registry.peers.all_latest(POD_DISRUPTION_BUDGETS):
        if stored.namespace == pod.namespace:
            selector = (stored.object.get("spec") or {}).get("selector")
            if selector is not None and label_selector(selector).matches(labels):
                found.append(stored)
    return sorted(found, key=lambda stored: stored.name)


def _spares_unhealthy(budget: Object) -> bool:
    status = budget.get("status") or {}
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= desired > 0)


async def _decrement(
    registry: Registry, context: RequestContext, budget: Stored, pod_name: str, *, is_dry: bool
) -> None:
    for tries_left in reversed(range(TRIES_MAX)):
        changed = decremented(budget.object, pod_name, context.sim.clock.timestamp())
        if is_dry:
            return
        try:
            await registry.peers.replace(context, POD_DISRUPTION_BUDGETS, budget, changed)
            return
        except ConflictError:
            newer = registry.peers.latest(POD_DISRUPTION_BUDGETS, budget.name, budget.namespace)
            if newer is None or not tries_left:
                raise
            budget = newer


async def _delete(
    registry: Registry, context: RequestContext, pod: Stored, options: Object, *, is_dry: bool, only_if_unchanged: bool
) -> None:
    preconditions: dict[str, Any] = dict(options.get("preconditions") or {})
    if only_if_unchanged:
        preconditions.setdefault("resourceVersion", pod.object["metadata"]["resourceVersion"])
    wanted = preconditions.get("resourceVersion")
    if not is_dry and wanted in (None, pod.object["metadata"]["resourceVersion"]):
        marked = await _mark(registry, context)
        if wanted is not None and marked is not None:
            preconditions["resourceVersion"] = marked.object["metadata"]["resourceVersion"]
    if is_dry:
        options = {**options, "dryRun": ["All"]}
    await delete_with(registry, context, {**options, "preconditions": preconditions} if preconditions else options)


async def _mark(registry: Registry, context: RequestContext) -> Stored | None:
    """Says in the Pod that it is about to be disrupted, and by whom."""
    response = await change(
        registry,
        context,
        lambda current: with_target(current.object, context.sim.clock.timestamp()),
        lambda _registry, _context, made, _old: made,
    )
    return response.stored


def with_target(pod: Object, timestamp: str) -> Object:
    """The Pod with the condition DisruptionTarget; the same one if it says so already."""
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    conditions = list((pod.get("status") or {}).get("conditions") or ())
    place = next((i for i, each in enumerate(conditions) if each["type"] == target["type"]), len(conditions))
    if place < len(conditions):
        before = conditions[place]
        if all(before.get(name) == target[name] for name in ("status", "reason", "message")):
            return pod
        if before.get("status") == "True":
            target["lastTransitionTime"] = before.get("lastTransitionTime")
    conditions[place : place + 1] = [target]
    marked = with_fields(pod, {"conditions": conditions}, "status")
    return {**marked, "metadata": dict(pod["metadata"])}


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
