"""kubectl's verbs, one method each, and `run` that picks one by its command line.

Nothing waits for its effect (`--wait` is read and ignored): time in a scenario belongs to the scenario.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from kubesim.api.errors import ApiError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import BY_KIND, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICA_SETS, Resource
from kubesim.api.stored import Object
from kubesim.api.wire import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Options
from kubesim.client.client import Client
from kubesim.client.kubectl.apply import apply_object
from kubesim.client.kubectl.command import Command, KubectlError, RefusedError, parse_command, targets, unknown
from kubesim.client.kubectl.manifests import Manifest, read_manifests

PATCH_TYPES = {"strategic": STRATEGIC_MERGE_PATCH, "merge": MERGE_PATCH, "json": JSON_PATCH}
PROPAGATION = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}
FIELD_IN_MESSAGE = re.compile(r'(?:unknown field|duplicate field) "([^"]+)"')
REVISION = "deployment.kubernetes.io/revision"

VERBS = {
    "annotate": "_annotate", "apply": "_apply", "cordon": "_cordon", "create": "_create", "delete": "_delete",
    "label": "_label", "patch": "_patch", "rollout": "_rollout", "run": "_run_pod", "scale": "_scale", "set": "_set",
    "taint": "_taint", "uncordon": "_uncordon",
}  # fmt: skip


class Kubectl:
    """Runs kubectl commands as `client`'s user, with files below `folder` and a default namespace."""

    def __init__(self, client: Client, folder: Path | None = None, namespace: str = "default") -> None:
        self.client = client
        self.folder = folder or Path()
        self.namespace = namespace

    async def run(self, line: str) -> list[str]:
        """Carries out one command line and returns what kubectl would print, a line each."""
        return await self.execute(parse_command(line))

    async def execute(self, command: Command) -> list[str]:
        """Carries out a parsed command."""
        self.check(command)
        verb = command.words[0]
        work: Callable[[Command], Awaitable[list[str]]] = getattr(self, VERBS[verb])
        return await work(command)

    @classmethod
    def check(cls, command: Command) -> None:
        """KubectlError if the verb is not one of ours: found before a run begins, not in its middle."""
        verb = command.words[0]
        if verb not in VERBS:
            raise KubectlError(unknown(f'kubectl verb "{verb}"', verb, list(VERBS)))

    async def apply(self, manifest: Object, namespace: str = "") -> str:
        """`kubectl apply` of one object that is already read."""
        resource = self.resource_of(manifest)
        outcome = await apply_object(self.client, resource, manifest, namespace or self.namespace)
        return f"{_named(resource, manifest['metadata']['name'])} {outcome}"

    def resource_of(self, manifest: Object) -> Resource:
        """The kind of a manifest; KubectlError in kubectl's words if nobody knows it."""
        resource = BY_KIND.get((manifest["apiVersion"], manifest["kind"]))
        if resource is None:
            raise KubectlError(
                f'no matches for kind "{manifest["kind"]}" in version "{manifest["apiVersion"]}"; '
                "check apiVersion and kind"
            )
        return resource

    # -- verbs ----------------------------------------------------------------------------------------

    async def _apply(self, command: Command) -> list[str]:
        namespace = command.flag("namespace")
        return [
            await self._located(manifest, self.apply(manifest.object, namespace)) for manifest in self._files(command)
        ]

    async def _create(self, command: Command) -> list[str]:
        namespace = self._namespace(command)
        if command.words[1:2] == ("deployment",) and len(command.words) == 3:
            made = deployment(command.words[2], command.flag("image"), command.number("replicas") or 1, command.rest)
            return [await self._created(DEPLOYMENTS, made, namespace)]
        if command.words[1:2] in (("namespace",), ("ns",)) and len(command.words) == 3:
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": command.words[2]}}
            return [await self._created(NAMESPACES, made, "")]
        if len(command.words) > 1:
            raise KubectlError(f'"create {command.words[1]}" is not known here; write a manifest and use apply -f')
        lines = []
        for manifest in self._files(command):
            resource = self.resource_of(manifest.object)
            where = manifest.object["metadata"].get("namespace") or namespace
            creating = self._created(resource, manifest.object, where if resource.namespaced else "")
            lines.append(await self._located(manifest, creating))
        return lines

    async def _run_pod(self, command: Command) -> list[str]:
        if len(command.words) != 2 or not command.flag("image"):
            raise KubectlError("run takes a name and --image, for instance: run hello --image=nginx")
        name = command.words[1]
        container: Object = {"name": name, "image": command.flag("image"), "resources": {}}
        if command.rest:
            container["args"] = list(command.rest)
        spec = {
            "containers": [container],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": command.flag("restart", "Always"),
        }
        labels = _pairs(command.flag("labels").split(",")) if command.flag("labels") else {"run": name}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
        return [await self._created(PODS, pod, self._namespace(command))]

    async def _delete(self, command: Command) -> list[str]:
        grace = command.number("grace-period")
        if command.switch("force") and grace is None:
            grace = 0
        propagation = PROPAGATION.get(command.flag("cascade", "background"), "Background")
        lines = []
        for resource, name, namespace in await self._selected(command, command.words[1:]):
            try:
                await self.client.delete(
                    resource, name, namespace, grace_period_seconds=grace, propagation_policy=propagation
                )
            except NotFoundError:
                if not command.switch("ignore-not-found"):
                    raise
                continue
            lines.append(f'{_kind(resource)} "{name}" {"force " if command.switch("force") else ""}deleted')
        return lines

    async def _scale(self, command: Command) -> list[str]:
        replicas = command.number("replicas")
        if replicas is None:
            raise KubectlError("scale needs --replicas, for instance: scale deployment/web --replicas=3")
        lines = []
        for resource, name, namespace in await self._selected(command, command.words[1:]):
            await self.client.patch(
                resource, name, {"spec": {"replicas": replicas}}, namespace, patch_type=MERGE_PATCH, subresource="scale"
            )
            lines.append(f"{_named(resource, name)} scaled")
        return lines

    async def _set(self, command: Command) -> list[str]:
        if command.words[1:2] != ("image",) or len(command.words) < 4:
            raise KubectlError("set knows images only, for instance: set image deployment/web nginx=nginx:1.27")
        end = 3 if "/" in command.words[2] else 4
        images = _pairs(command.words[end:])
        containers = [{"name": name, "image": image} for name, image in images.items()]
        lines = []
        for resource, name, namespace in await self._selected(command, command.words[2:end]):
            patch: Object = {"spec": {"containers": containers}}
            await self._patch_object(
                resource, name, namespace, patch if resource is PODS else {"spec": {"template": patch}}
            )
            lines.append(f"{_named(resource, name)} image updated")
        return lines

    async def _rollout(self, command: Command) -> list[str]:
        action, lines = "".join(command.words[1:2]), []
        for resource, name, namespace in await self._selected(command, command.words[2:]):
            if action == "status":
                continue
            if action in ("pause", "resume"):
                await self._patch_object(resource, name, namespace, {"spec": {"paused": action == "pause" or None}})
            elif action == "restart":
                stamp = {"kubectl.kubernetes.io/restartedAt": (await self._now_of(resource, name, namespace))}
                template = {"metadata": {"annotations": stamp}}
                await self._patch_object(resource, name, namespace, {"spec": {"template": template}})
            elif action == "undo":
                await self._undo(name, namespace, command.number("to-revision") or 0)
            else:
                raise KubectlError(
                    unknown(f'rollout action "{action}"', action, ["pause", "restart", "resume", "status", "undo"])
                )
            lines.append(f"{_named(resource, name)} {_PAST.get(action, action)}")
        return lines

    async def _patch(self, command: Command) -> list[str]:
        patch_type = PATCH_TYPES.get(command.flag("type", "strategic"))
        if patch_type is None:
            raise KubectlError(f'--type is strategic, merge or json, not "{command.flag("type")}"')
        try:
            patch = yaml.safe_load(command.flag("patch"))
        except yaml.YAMLError as error:
            raise KubectlError(f"the patch is neither JSON nor YAML: {error}") from None
        lines = []
        for resource, name, namespace in await self._selected(command, command.words[1:]):
            await self.client.patch(
                resource, name, patch, namespace, patch_type=patch_type, subresource=command.flag("subresource")
            )
            lines.append(f"{_named(resource, name)} patched")
        return lines

    async def _label(self, command: Command) -> list[str]:
        return await self._metadata(command, "labels", "labeled")

    async def _annotate(self, command: Command) -> list[str]:
        return await self._metadata(command, "annotations", "annotated")

    async def _metadata(self, command: Command, field: str, done: str) -> list[str]:
        words = command.words[1:]
        changes = {word[:-1]: None for word in words if word.endswith("-") and "=" not in word}
        pairs = _pairs([word for word in words if "=" in word])
        names = tuple(word for word in words if "=" not in word and not word.endswith("-"))
        lines = []
        for resource, name, namespace in await self._selected(command, names):
            await self.client.merge_patch(resource, name, {"metadata": {field: {**changes, **pairs}}}, namespace)
            lines.append(f"{_named(resource, name)} {done}")
        return lines

    async def _taint(self, command: Command) -> list[str]:
        words = command.words[1:]
        if words[:1] and words[0].lower() in ("node", "nodes", "no"):
            words = words[1:]
        names = [word for word in words if "=" not in word and ":" not in word and not word.endswith("-")]
        changes = [word for word in words if word not in names]
        for name in names:
            node = (await self.client.get(NODES, name)).object
            taints = list(node.get("spec", {}).get("taints") or ())
            for change in changes:
                taints = changed_taints(taints, change)
            await self.client.update(NODES, with_fields(node, {"taints": taints or None}, "spec"))
        return [f"node/{name} tainted" for name in names]

    async def _cordon(self, command: Command) -> list[str]:
        return await self._schedulable(command, True, "cordoned")

    async def _uncordon(self, command: Command) -> list[str]:
        return await self._schedulable(command, None, "uncordoned")

    async def _schedulable(self, command: Command, value: bool | None, done: str) -> list[str]:
        names = [word.removeprefix("node/") for word in command.words[1:]]
        for name in names:
            await self._patch_object(NODES, name, "", {"spec": {"unschedulable": value}})
        return [f"node/{name} {done}" for name in names]

    # -- helpers --------------------------------------------------------------------------------------

    async def _undo(self, name: str, namespace: str, to_revision: int) -> None:
        """Puts an older ReplicaSet's template back; 0 is the one before the present."""
        owner = await self.client.get(DEPLOYMENTS, name, namespace)
        owned = [
            (int(item.object["metadata"].get("annotations", {}).get(REVISION, 0)), item.object)
            for item in (await self.client.list(REPLICA_SETS, namespace)).items
            if any(ref["uid"] == owner.uid for ref in item.object["metadata"].get("ownerReferences") or ())
        ]
        owned.sort(key=lambda pair: pair[0])
        found = [obj for number, obj in owned if number == to_revision] if to_revision else [o for _, o in owned[-2:-1]]
        if not found:
            raise KubectlError(f"no rollout history found for deployment {name!r}")
        template = found[0]["spec"]["template"]
        labels = {k: v for k, v in template["metadata"].get("labels", {}).items() if k != "pod-template-hash"}
        template = with_fields(template, {"labels": labels}, "metadata")
        patch = [{"op": "replace", "path": "/spec/template", "value": template}]
        await self.client.patch(DEPLOYMENTS, name, patch, namespace, patch_type=JSON_PATCH)

    async def _now_of(self, resource: Resource, name: str, namespace: str) -> str:
        """A text that differs at every restart and needs no clock: the object's revision."""
        return f"revision-{(await self.client.get(resource, name, namespace)).revision}"

    async def _selected(self, command: Command, words: tuple[str, ...]) -> list[tuple[Resource, str, str]]:
        """(kind, name, namespace) of everything that the command means, by name, by selector, or by file."""
        found: list[tuple[Resource, str, str]] = []
        if command.flag("filename"):
            for manifest in self._files(command):
                resource, metadata = self.resource_of(manifest.object), manifest.object["metadata"]
                where = metadata.get("namespace") or self._namespace(command)
                found.append((resource, metadata["name"], where if resource.namespaced else ""))
            return found
        options = Options(label_selector=command.flag("selector"), field_selector=command.flag("field-selector"))
        for resource, name in targets(words):
            where = self._namespace(command) if resource.namespaced else ""
            if name:
                found.append((resource, name, where))
            elif options.label_selector or options.field_selector or command.switch("all"):
                items = (await self.client.list(resource, where, options)).items
                found.extend((resource, item.name, where) for item in items)
            else:
                raise KubectlError(f"name a {resource.singular}, give a selector (-l), or say --all")
        return found

    def _files(self, command: Command) -> list[Manifest]:
        names = command.flags.get("filename")
        if not names:
            raise KubectlError(f"{command.words[0]} needs -f FILE")
        return [manifest for name in names for manifest in read_manifests(self.folder / name)]

    async def _located(self, manifest: Manifest, work: Awaitable[str]) -> str:
        """Says in which file and line the field stands that the apiserver refuses."""
        try:
            return await work
        except KubectlError as error:
            raise KubectlError(f"{manifest.locate('')}: {error}") from None
        except ApiError as error:
            causes = (error.details or {}).get("causes") or [{}]
            field = causes[0].get("field") or "".join(FIELD_IN_MESSAGE.findall(error.message)[:1])
            raise RefusedError(f"{manifest.locate(field)}: {error.message}") from error

    def _namespace(self, command: Command) -> str:
        return command.flag("namespace") or self.namespace

    async def _created(self, resource: Resource, obj: Object, namespace: str) -> str:
        options = Options(field_manager="kubectl-create")
        stored = await self.client.create(resource, obj, namespace, options=options)
        return f"{_named(resource, stored.name)} created"

    async def _patch_object(self, resource: Resource, name: str, namespace: str, patch: Any) -> None:
        await self.client.patch(resource, name, patch, namespace)


_PAST = {"pause": "paused", "resume": "resumed", "restart": "restarted", "undo": "rolled back"}


def deployment(name: str, image: str, replicas: int, command: tuple[str, ...] = ()) -> Object:
    """What `kubectl create deployment` makes."""
    if not image:
        raise KubectlError("create deployment needs --image")
    labels = {"app": name}
    container: Object = {"name": image.rsplit("/", 1)[-1].split("@")[0].split(":")[0], "image": image, "resources": {}}
    if command:
        container["command"] = list(command)
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}


def changed_taints(taints: list[Object], change: str) -> list[Object]:
    """`key=value:Effect` adds or replaces, `key:Effect-` or `key-` removes."""
    text = change.removesuffix("-")
    pair, _, effect = text.partition(":")
    key, _, value = pair.partition("=")
    kept = [taint for taint in taints if taint["key"] != key or (effect and taint["effect"] != effect)]
    if change.endswith("-"):
        return kept
    if effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise KubectlError(
            f'a taint is key=value:Effect with NoSchedule, PreferNoSchedule or NoExecute, not "{change}"'
        )
    taint = {"key": key, "value": value, "effect": effect}
    return [*kept, {name: text for name, text in taint.items() if text}]


def _pairs(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise KubectlError(f'expected key=value, found "{word}"')
        pairs[key] = value
    return pairs


def _kind(resource: Resource) -> str:
    return f"{resource.singular}.{resource.group}" if resource.group else resource.singular


def _named(resource: Resource, name: str) -> str:
    return f"{_kind(resource)}/{name}"
