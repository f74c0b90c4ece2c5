"""`kubectl rollout`: pause, resume, restart, undo. `status` would only wait, and time belongs to the scenario."""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubesim.api.wire import JSON_PATCH
from kubesim.client.kubectl.command import Command, KubectlError, unknown
from kubesim.client.kubectl.session import Session, Target

ACTIONS = {"pause": "paused", "restart": "restarted", "resume": "resumed", "status": "", "undo": "rolled back"}
REVISION = "deployment.kubernetes.io/revision"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


async def rollout(session: Session, command: Command) -> list[str]:
    """Carries out one action on every target."""
    action, lines = "".join(command.words[1:2]), []
    if action not in ACTIONS:
        raise KubectlError(unknown(f'rollout action "{action}"', action, list(ACTIONS)))
    for target in await session.targets(command, command.words[2:]):
        if action == "status":
            continue
        if action in ("pause", "resume"):
            await session.patch(target, {"spec": {"paused": action == "pause" or None}})
        elif action == "restart":
            stamp = {RESTARTED_AT: await _stamp(session, target)}
            await session.patch(target, {"spec": {"template": {"metadata": {"annotations": stamp}}}})
        else:
            await _undo(session, target, command.number("to-revision") or 0)
        lines.append(f"{target.text} {ACTIONS[action]}")
    return lines


async def _undo(session: Session, target: Target, to_revision: int) -> None:
    """Puts an older template back; 0 is the one before the present. A Deployment's are in its ReplicaSets."""
    if target.resource in (DAEMON_SETS, STATEFUL_SETS):
        await _undo_by_history(session, target, to_revision)
        return
    if target.resource is not DEPLOYMENTS:
        raise KubectlError(f"no rollbacker has been implemented for {target.text}")
    owner = await session.client.get(DEPLOYMENTS, target.name, target.namespace)
    owned = sorted(
        (
            (int((item.object["metadata"].get("annotations") or {}).get(REVISION, 0)), item.object)
            for item in (await session.client.list(REPLICA_SETS, target.namespace)).items
            if any(ref["uid"] == owner.uid for ref in item.object["metadata"].get("ownerReferences") or ())
        ),
        key=lambda pair: pair[0],
    )
    found = [obj for number, obj in owned if number == to_revision] if to_revision else [obj for _, obj in owned[-2:-1]]
    if not found:
        which = f"revision {to_revision} of" if to_revision else "an earlier revision of"
        raise KubectlError(f"unable to find {which} {target.text} in its history")
    template = found[0]["spec"]["template"]
    labels = {k: v for k, v in template["metadata"].get("labels", {}).items() if k != "pod-template-hash"}
    template = with_fields(template, {"labels": labels}, "metadata")
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    await session.client.patch(DEPLOYMENTS, target.name, patch, target.namespace, patch_type=JSON_PATCH)


async def _undo_by_history(session: Session, target: Target, to_revision: int) -> None:
    """The ControllerRevisions of a DaemonSet or StatefulSet are patches that bring a template back."""
    owner = await session.client.get(target.resource, target.name, target.namespace)
    owned = [
        item.object
        for item in (await session.client.list(CONTROLLER_REVISIONS, target.namespace)).items
        if any(ref["uid"] == owner.uid for ref in item.object["metadata"].get("ownerReferences") or ())
    ]
    owned.sort(key=lambda revision: int(revision["revision"]))
    found = [each for each in owned if each["revision"] == to_revision] if to_revision else owned[-2:-1]
    if not found:
        raise KubectlError(f"unable to find specified revision {to_revision} in history" if to_revision else
                           "no rollout history found")  # fmt: skip
    await session.client.patch(target.resource, target.name, found[0]["data"], target.namespace)


async def _stamp(session: Session, target: Target) -> str:
    """A text that differs at every restart and needs no clock: the object's revision."""
    return f"revision-{(await session.client.get(target.resource, target.name, target.namespace)).revision}"
