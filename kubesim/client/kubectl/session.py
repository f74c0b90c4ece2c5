"""What every verb needs: the client, the files below a folder, and what a command line means by its words."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, NamedTuple

from kubesim.api.errors import ApiError
from kubesim.api.resources import BY_KIND, Resource
from kubesim.api.stored import Object
from kubesim.api.wire import Options
from kubesim.client.client import Client
from kubesim.client.kubectl.command import Command, KubectlError, RefusedError, targets
from kubesim.client.kubectl.manifests import Manifest, read_manifests

# The apiserver names the field of an object that it cannot even read only in its words.
FIELD_IN_MESSAGE = re.compile(r'(?:(?:unknown|duplicate) field "|Go struct field \w+\.)([\w.\[\]]+)')


class Target(NamedTuple):
    """One object that a command is about."""

    resource: Resource
    name: str
    namespace: str

    @property
    def text(self) -> str:
        """As kubectl prints it: `deployment.apps/web`."""
        return f"{self.kind}/{self.name}"

    @property
    def kind(self) -> str:
        """`deployment.apps`, or `pod`."""
        return f"{self.resource.singular}.{self.resource.group}" if self.resource.group else self.resource.singular


class Session:
    """Who speaks, where the files are, and the namespace of whatever names none."""

    def __init__(self, client: Client, folder: Path, namespace: str) -> None:
        self.client = client
        self.folder = folder
        self.namespace = namespace

    def namespace_of(self, command: Command) -> str:
        """The namespace that a command acts in."""
        return command.flag("namespace") or self.namespace

    def files(self, command: Command) -> list[Manifest]:
        """The objects in the files that a command names."""
        names = command.flags.get("filename")
        if not names:
            raise KubectlError(f"{command.words[0]} needs -f FILE")
        return [manifest for name in names for manifest in read_manifests(self.folder / name)]

    async def targets(self, command: Command, words: tuple[str, ...]) -> list[Target]:
        """Everything that the command means, by name, by selector, or by file."""
        if command.flag("filename"):
            return [self._described(command, manifest) for manifest in self.files(command)]
        options = Options(label_selector=command.flag("selector"), field_selector=command.flag("field-selector"))
        everywhere = command.switch("all-namespaces")
        found: list[Target] = []
        for resource, name in targets(words):
            where = self.namespace_of(command) if resource.namespaced and not everywhere else ""
            if name:
                found.append(Target(resource, name, where))
            elif options.label_selector or options.field_selector or command.switch("all"):
                items = (await self.client.list(resource, where, options)).items
                found.extend(Target(resource, item.name, item.namespace) for item in items)
            else:
                raise KubectlError(f"name a {resource.singular}, give a selector (-l), or say --all")
        return found

    async def create(self, resource: Resource, obj: Object, namespace: str) -> str:
        """Creates an object as `kubectl create` does."""
        manager = self.client.field_manager or "kubectl-create"
        options = Options(field_manager=manager, field_validation="Strict")
        stored = await self.client.create(resource, obj, namespace, options=options)
        return f"{Target(resource, stored.name, namespace).text} created"

    async def patch(self, target: Target, patch: Any) -> None:
        """A strategic merge patch."""
        await self.client.patch(target.resource, target.name, patch, target.namespace)

    def _described(self, command: Command, manifest: Manifest) -> Target:
        resource, metadata = resource_of(manifest.object), manifest.object["metadata"]
        if "name" not in metadata:
            raise KubectlError(f"{manifest.locate('metadata')}: metadata.name is missing from this {resource.kind}")
        where = metadata.get("namespace") or self.namespace_of(command)
        return Target(resource, metadata["name"], where if resource.namespaced else "")


def resource_of(manifest: Object) -> Resource:
    """The kind of a manifest; KubectlError in kubectl's words if nobody knows it."""
    resource = BY_KIND.get((manifest["apiVersion"], manifest["kind"]))
    if resource is None:
        raise KubectlError(
            f'no matches for kind "{manifest["kind"]}" in version "{manifest["apiVersion"]}"; check apiVersion and kind'
        )
    return resource


async def located(manifest: Manifest, work: Awaitable[str]) -> str:
    """Says in which file and line the field stands that the apiserver refuses."""
    try:
        return await work
    except KubectlError as error:
        raise KubectlError(f"{manifest.locate('')}: {error}") from None
    except ApiError as error:
        causes = (error.details or {}).get("causes") or [{}]
        field = causes[0].get("field") or "".join(FIELD_IN_MESSAGE.findall(error.message)[:1])
        raise RefusedError(f"{manifest.locate(field)}: {error.message}") from error


def pairs(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    """`a=1 b=2` as a dict."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise KubectlError(f'expected key=value, found "{word}"')
        found[key] = value
    return found
