"""Verbs that change or delete objects: annotate, delete, label, patch, scale, set."""

from __future__ import annotations

import yaml

from kubesim.api.errors import NotFoundError
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.api.wire import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.client.kubectl.command import Command, KubectlError
from kubesim.client.kubectl.session import Session, Target, pairs

PATCH_TYPES = {"strategic": STRATEGIC_MERGE_PATCH, "merge": MERGE_PATCH, "json": JSON_PATCH}
PROPAGATION = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}


async def delete(session: Session, command: Command) -> list[str]:
    """`kubectl delete`; it does not wait for the end."""
    grace = command.number("grace-period")
    if command.switch("force") and grace is None:
        grace = 0
    elif command.switch("now"):
        grace = 1
    propagation = PROPAGATION.get(command.flag("cascade", "background"))
    if propagation is None:
        raise KubectlError(f'--cascade is background, foreground or orphan, not "{command.flag("cascade")}"')
    lines = []
    for target in await session.targets(command, command.words[1:]):
        try:
            await session.client.delete(
                target.resource,
                target.name,
                target.namespace,
                grace_period_seconds=grace,
                propagation_policy=propagation,
            )
        except NotFoundError:
            if not command.switch("ignore-not-found"):
                raise
            continue
        lines.append(f'{target.kind} "{target.name}" {"force " if command.switch("force") else ""}deleted')
    return lines


async def scale(session: Session, command: Command) -> list[str]:
    """`kubectl scale`: one number, through the scale subresource."""
    replicas = command.number("replicas")
    if replicas is None:
        raise KubectlError("scale needs --replicas, for instance: scale deployment/web --replicas=3")
    lines = []
    for target in await session.targets(command, command.words[1:]):
        patch = {"spec": {"replicas": replicas}}
        await session.client.patch(
            target.resource, target.name, patch, target.namespace, patch_type=MERGE_PATCH, subresource="scale"
        )
        lines.append(f"{target.text} scaled")
    return lines


async def set_field(session: Session, command: Command) -> list[str]:
    """`kubectl set image` and `kubectl set resources`."""
    what = "".join(command.words[1:2])
    if what == "image" and len(command.words) >= 4:
        end = 3 if "/" in command.words[2] else 4
        images = pairs(command.words[end:])
        changes: dict[str, Object] = {name: {"image": image} for name, image in images.items()}
        done = "image updated"
    elif what == "resources" and len(command.words) >= 3:
        end = len(command.words)
        found = {name: pairs(command.flag(name).split(",")) for name in ("requests", "limits") if command.flag(name)}
        if not found:
            raise KubectlError("set resources needs --requests or --limits, for instance: --requests=cpu=200m")
        changes = {command.flag("container", "*"): {"resources": found}}
        done = "resource requirements updated"
    else:
        raise KubectlError(
            "set knows image and resources, for instance: set image deployment/web nginx=nginx:1.27, "
            "or: set resources deployment/web --requests=cpu=200m"
        )
    lines = []
    for target in await session.targets(command, command.words[2:end]):
        await _set_in_containers(session, target, changes)
        lines.append(f"{target.text} {done}")
    return lines


async def _set_in_containers(session: Session, target: Target, changes: dict[str, Object]) -> None:
    """Merges changes into containers by name (`*`: all); a name that is not there would make a new container."""
    live = (await session.client.get(target.resource, target.name, target.namespace)).object
    spec = live["spec"] if target.resource is PODS else (live["spec"].get("template") or {}).get("spec")
    if not spec:
        raise KubectlError(f"{target.text} has no containers")
    names = [container["name"] for container in spec["containers"]]
    containers = []
    for wanted, change in changes.items():
        if wanted not in (*names, "*"):
            raise KubectlError(f'unable to find container named "{wanted}" in {target.text}; it has {", ".join(names)}')
        containers += [{"name": name, **change} for name in names if wanted in (name, "*")]
    patch: Object = {"spec": {"containers": containers}}
    await session.patch(target, patch if target.resource is PODS else {"spec": {"template": patch}})


async def patch(session: Session, command: Command) -> list[str]:
    """`kubectl patch -p`, of any of the three types."""
    patch_type = PATCH_TYPES.get(command.flag("type", "strategic"))
    if patch_type is None:
        raise KubectlError(f'--type is strategic, merge or json, not "{command.flag("type")}"')
    try:
        content = yaml.safe_load(command.flag("patch"))
    except yaml.YAMLError as error:
        raise KubectlError(f"the patch is neither JSON nor YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, list if patch_type == JSON_PATCH else dict):
        wanted = "a list of operations" if patch_type == JSON_PATCH else "an object"
        raise KubectlError(f"patch needs -p with {wanted}, as JSON or YAML")
    lines = []
    for target in await session.targets(command, command.words[1:]):
        await session.client.patch(
            target.resource,
            target.name,
            content,
            target.namespace,
            patch_type=patch_type,
            subresource=command.flag("subresource"),
        )
        lines.append(f"{target.text} patched")
    return lines


async def label(session: Session, command: Command) -> list[str]:
    """`kubectl label`."""
    return await _metadata(session, command, "labels", "labeled")


async def annotate(session: Session, command: Command) -> list[str]:
    """`kubectl annotate`."""
    return await _metadata(session, command, "annotations", "annotated")


async def _metadata(session: Session, command: Command, field: str, done: str) -> list[str]:
    """`key=value` sets, `key-` removes."""
    words = command.words[1:]
    removals = [word[:-1] for word in words if word.endswith("-") and "=" not in word]
    additions = pairs([word for word in words if "=" in word])
    if not removals and not additions:
        raise KubectlError(f"{command.words[0]} needs at least one key=value, or key- to remove one")
    names = tuple(word for word in words if "=" not in word and not word.endswith("-"))
    lines = []
    for target in await session.targets(command, names):
        if not command.switch("overwrite"):
            live = (await session.client.get(target.resource, target.name, target.namespace)).object
            _refuse_overwriting(live["metadata"].get(field) or {}, additions)
        changes = {**dict.fromkeys(removals), **additions}
        await session.client.merge_patch(target.resource, target.name, {"metadata": {field: changes}}, target.namespace)
        lines.append(f"{target.text} {done if additions else 'un' + done if field == 'labels' else done}")
    return lines


def _refuse_overwriting(present: dict[str, str], additions: dict[str, str]) -> None:
    for key, value in additions.items():
        if present.get(key, value) != value:
            raise KubectlError(f"'{key}' already has a value ({present[key]}), and --overwrite is false")
