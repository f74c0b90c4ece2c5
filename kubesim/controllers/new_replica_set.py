"""The ReplicaSet of a Deployment's present template: made when there is none, numbered when there is one.

Upstream: getNewReplicaSet in pkg/controller/deployment/sync.go.
"""

from __future__ import annotations

from kubesim.api.errors import AlreadyExistsError, ApiError, TransportError
from kubesim.api.meta import controller_of, owner_reference, with_fields
from kubesim.api.resources import REPLICA_SETS
from kubesim.api.stored import Object, Stored
from kubesim.controllers import deployment_plan as plan
from kubesim.controllers import deployment_revision as revision
from kubesim.controllers import deployment_status as progress
from kubesim.controllers.ownership import is_namespace_terminating
from kubesim.controllers.rollout import Rollout


async def sync_new_set(rollout: Rollout, *, create: bool) -> None:
    """Gives the new set its revision number and annotations; makes it if there is none and `create` is set."""
    number = revision.next_revision(rollout.old)
    new = rollout.new
    if new is not None:
        await _number(rollout, new, number)
    elif create:
        await _create(rollout, number)


async def _number(rollout: Rollout, new: Stored, number: int) -> None:
    """The set exists: from before, or from long ago when this is a rollback."""
    current = revision.annotations_of(new)
    annotations = revision.set_annotations(revision.annotations_of(rollout.deployment), current, number)
    minimum = rollout.spec.get("minReadySeconds")
    if annotations != current or minimum != new.object["spec"].get("minReadySeconds"):
        changed = with_fields(new.object, {"annotations": annotations}, "metadata")
        await rollout.update_set(with_fields(changed, {"minReadySeconds": minimum}, "spec"))
        return
    status = rollout.status
    judged = progress.find_condition(status.get("conditions") or (), progress.PROGRESSING)
    if judged is None and progress.has_deadline(rollout.deployment):
        message = f'Found new replica set "{new.name}"'
        status = rollout.with_progressing("True", progress.REPLICA_SET_FOUND, message)
    await rollout.write(status, annotations.get(revision.REVISION, ""))


async def _create(rollout: Rollout, number: int) -> None:
    deployment, status = rollout.deployment, rollout.status
    wanted = replica_set_for(rollout, number)
    replicas = wanted["spec"]["replicas"]
    try:
        new = await rollout.client.create(REPLICA_SETS, wanted, deployment.namespace)
    except AlreadyExistsError as error:
        new = await _take_or_collide(rollout, wanted, error)
    except (ApiError, TransportError) as error:
        await _creation_failed(rollout, wanted, error)
        raise
    else:
        if replicas > 0:
            rollout.tell_scaled(new, 0, replicas)
        if progress.has_deadline(deployment):
            message = f'Created new replica set "{new.name}"'
            status = rollout.with_progressing("True", progress.REPLICA_SET_CREATED, message)
    rollout.take_new(new)
    await rollout.write(status, str(number))


def replica_set_for(rollout: Rollout, number: int) -> Object:
    """The set to create: named after the template's hash, labelled with it, sized for its first step."""
    deployment, spec = rollout.deployment, rollout.spec
    template, selector = spec["template"], spec["selector"]
    hash_ = revision.template_hash(template, rollout.status.get("collisionCount"))
    name = f"{deployment.name}-{hash_}"
    replicas = rollout.replicas
    if rollout.is_rolling:
        replicas = plan.plan_new_set(rollout.limits, plan.SetSize(name, "", 0), rollout.total)
    labels = revision.with_hash_label((template.get("metadata") or {}).get("labels"), hash_)
    annotations = revision.set_annotations(revision.annotations_of(deployment), {}, number)
    metadata = {
        "name": name,
        "namespace": deployment.namespace,
        "labels": labels,
        "annotations": annotations | rollout.replicas_annotations(),
        "ownerReferences": [owner_reference(deployment.object)],
    }
    wanted: Object = {"replicas": replicas}
    if "minReadySeconds" in spec:
        wanted["minReadySeconds"] = spec["minReadySeconds"]
    wanted["selector"] = {**selector, "matchLabels": revision.with_hash_label(selector.get("matchLabels"), hash_)}
    wanted["template"] = with_fields(template, {"labels": labels}, "metadata")
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": wanted}


async def _take_or_collide(rollout: Rollout, wanted: Object, error: AlreadyExistsError) -> Stored:
    """The name is taken.

    By our own set of this template, if our cache was behind. Otherwise two templates have one hash: counting
    the collision gives the next try another name, and `error` makes the worker try.
    """
    existing = await rollout.client.get(REPLICA_SETS, wanted["metadata"]["name"], rollout.deployment.namespace)
    owner = controller_of(existing.object)
    is_ours = owner is not None and owner["uid"] == rollout.deployment.uid
    if is_ours and revision.same_template(existing.object["spec"]["template"], rollout.spec["template"]):
        return existing
    collisions = rollout.status.get("collisionCount") or 0
    await rollout.write({**rollout.status, "collisionCount": collisions + 1})
    raise error


async def _creation_failed(rollout: Rollout, wanted: Object, error: Exception) -> None:
    if is_namespace_terminating(error):
        return
    message = f'Failed to create new replica set "{wanted["metadata"]["name"]}": {error}'
    if progress.has_deadline(rollout.deployment):
        await rollout.write(rollout.with_progressing("False", progress.REPLICA_SET_CREATE_ERROR, message))
    rollout.recorder.event(rollout.deployment, "Warning", progress.REPLICA_SET_CREATE_ERROR, message)
