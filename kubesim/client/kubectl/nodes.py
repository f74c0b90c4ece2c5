"""Verbs about nodes: taint, cordon, uncordon."""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import NODES
from kubesim.api.stored import Object
from kubesim.client.kubectl.command import Command, KubectlError
from kubesim.client.kubectl.session import Session, Target

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


async def taint(session: Session, command: Command) -> list[str]:
    """`kubectl taint nodes NAME key=value:Effect`, or `key:Effect-` and `key-` to remove."""
    words = command.words[1:]
    if words and words[0].lower() in ("node", "nodes", "no"):
        words = words[1:]
    names = [word for word in words if "=" not in word and ":" not in word and not word.endswith("-")]
    changes = [word for word in words if word not in names]
    if not names or not changes:
        raise KubectlError("taint takes nodes and taints, for instance: taint nodes node-1 dedicated=db:NoSchedule")
    lines = []
    for name in names:
        node = (await session.client.get(NODES, name.removeprefix("node/"))).object
        taints = list(node.get("spec", {}).get("taints") or ())
        for change in changes:
            taints = changed_taints(taints, change, overwrite=command.switch("overwrite"))
        await session.client.update(NODES, with_fields(node, {"taints": taints or None}, "spec"))
        is_removal = all(change.endswith("-") for change in changes)
        lines.append(f"node/{name.removeprefix('node/')} {'untainted' if is_removal else 'tainted'}")
    return lines


async def cordon(session: Session, command: Command) -> list[str]:
    """`kubectl cordon`: no new Pods."""
    return await _schedulable(session, command, unschedulable=True)


async def uncordon(session: Session, command: Command) -> list[str]:
    """`kubectl uncordon`: Pods again."""
    return await _schedulable(session, command, unschedulable=False)


async def _schedulable(session: Session, command: Command, *, unschedulable: bool) -> list[str]:
    names = [word.removeprefix("node/") for word in command.words[1:]]
    if not names:
        raise KubectlError(f"{command.words[0]} takes the name of a node, for instance: {command.words[0]} node-1")
    lines = []
    for name in names:
        is_so = bool((await session.client.get(NODES, name)).object["spec"].get("unschedulable"))
        if is_so != unschedulable:
            await session.patch(Target(NODES, name, ""), {"spec": {"unschedulable": unschedulable or None}})
        lines.append(f"node/{name} {'already ' if is_so == unschedulable else ''}{command.words[0]}ed")
    return lines


def changed_taints(taints: list[Object], change: str, *, overwrite: bool = False) -> list[Object]:
    """`key=value:Effect` adds (or replaces, with `overwrite`), `key:Effect-` or `key-` removes."""
    text = change.removesuffix("-")
    pair, _, effect = text.partition(":")
    key, _, value = pair.partition("=")
    kept = [taint for taint in taints if taint["key"] != key or (effect and taint["effect"] != effect)]
    if change.endswith("-"):
        if len(kept) == len(taints):
            raise KubectlError(f'taint "{text}" not found')
        return kept
    if effect not in EFFECTS or not key:
        raise KubectlError(
            f'a taint is key=value:Effect with NoSchedule, PreferNoSchedule or NoExecute, not "{change}"'
        )
    if len(kept) < len(taints) and not overwrite:
        raise KubectlError(f"the node already has a {key} taint with the effect {effect}, and --overwrite is false")
    taint = {"key": key, "value": value, "effect": effect}
    return [*kept, {name: text for name, text in taint.items() if text}]
