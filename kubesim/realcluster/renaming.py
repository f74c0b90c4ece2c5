"""A cluster of somebody else, seen with a scenario's eyes: its nodes and its namespace bear the scenario's names.

A scenario speaks of node-2 and of the namespace `default`. On a minikube the node is minikube-m02, and the run has a
namespace of its own. This transport translates on the way out and back, in every text of every object, so that
commands, expectations and recordings are the same in both worlds. It is also the guard: what would be written
elsewhere is refused here, whoever asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import LEASES, NAMESPACES, Resource
from kubesim.api.session import Session
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response, Transport, WatchEvent, WatchStream
from kubesim.realcluster.journal import Journal
from kubesim.realcluster.safety import RUN_LABEL

DEFAULT, NODE_LEASES = "default", "kube-node-lease"
WRITES = ("create", "update", "patch", "delete", "deletecollection")
QUESTIONS = "authorization.k8s.io"  # Reviews are posted, and change nothing.


class Renaming:
    """Texts from one world to the other: whole words only, and `-` and `.` are letters."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {old: new for old, new in names.items() if old != new}
        longest_first = sorted(map(re.escape, self._names), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(longest_first)})(?![\w-])") if longest_first else None

    def text(self, text: str) -> str:
        """A text with the other names."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._names[match[0]], text)

    def json(self, value: Any) -> Any:
        """Any JSON value with the other names; the same one if there are none in it."""
        if self._pattern is None:
            return value
        text = orjson.dumps(value).decode()
        return orjson.loads(self.text(text)) if self._pattern.search(text) else value


class RenamedTransport:
    """Translates for a scenario: `nodes` are the cluster's names by the scenario's, `namespace` is the run's own.

    Without a namespace those of the cluster are left as they are, and nothing can be written.
    """

    def __init__(
        self, inner: Transport, nodes: Mapping[str, str], namespace: str, run: str, *, may_disrupt: bool,
        journal: Journal | None = None, read_only: bool = False,
    ) -> None:  # fmt: skip
        self._inner = inner
        self._namespace = namespace
        self._run = run
        self._may_disrupt = may_disrupt
        self._journal = journal
        self._read_only = read_only or not namespace
        self._out = Renaming(nodes)
        back = {theirs: ours for ours, theirs in nodes.items()}
        self._back = Renaming({**back, namespace: DEFAULT} if namespace else back)

    async def request(self, request: Request) -> Response:
        """Any verb but watch."""
        self._guard(request)
        outward = self._outward(request)
        if self._journal is not None and concerns_all(request):
            await self._journal.about_to_write(outward)
        response = await self._inner.request(outward)
        return msgspec.structs.replace(
            response,
            stored=None if response.stored is None else self._inward(response.stored),
            items=[self._inward(item) for item in response.items],
            status=self._back.json(response.status),
        )

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        return RenamedWatch(await self._inner.watch(self._outward(request)), self)

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the apiserver."""
        return await self._inner.connect(self._outward(request))

    def event(self, event: WatchEvent) -> WatchEvent:
        """An event with the scenario's names."""
        return WatchEvent(event.type, self._inward(event.stored))

    def _guard(self, request: Request) -> None:
        resource = request.resource
        if request.verb not in WRITES or resource.group == QUESTIONS:
            return
        if self._read_only:
            raise refusal(resource, "this only looks on")
        if resource.namespaced and request.namespace not in (DEFAULT, self._namespace):
            raise refusal(resource, f'a run writes to its own namespace, not to "{request.namespace}"')
        if concerns_all(request) and not self._may_disrupt:
            raise refusal(resource, "what concerns the whole cluster needs --allow-disruption")

    def _outward(self, request: Request) -> Request:
        resource, options = request.resource, request.options
        body = self._in_our_namespace(self._out.json(request.body)) if self._namespace else request.body
        if request.verb == "create" and not resource.namespaced and isinstance(body, dict) and not request.name:
            body = labelled(body, self._run)
        return msgspec.structs.replace(
            request,
            name=self._out.text(request.name),
            namespace=self._namespace_of(request),
            body=body,
            options=msgspec.structs.replace(
                options,
                field_selector=self._selector_of(request),
                label_selector=self._out.text(options.label_selector),
            ),
        )

    def _selector_of(self, request: Request) -> str:
        """Of all namespaces a scenario sees its own."""
        if request.resource == NAMESPACES and request.verb in ("list", "watch") and self._namespace:
            return f"metadata.name={self._namespace}"
        return self._out.text(request.options.field_selector)

    def _namespace_of(self, request: Request) -> str:
        """The scenario's `default` is the run's namespace, and nothing beyond it is looked at."""
        resource, given = request.resource, request.namespace
        if not resource.namespaced or not self._namespace or given == NODE_LEASES:
            return given
        if resource == LEASES and not given:
            return NODE_LEASES
        return self._namespace if given in ("", DEFAULT) else given

    def _in_our_namespace(self, value: Any, key: str = "") -> Any:
        """A body in which every namespace that is called default is ours."""
        if isinstance(value, dict):
            return {name: self._in_our_namespace(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self._in_our_namespace(part, key) for part in value]
        return self._namespace if value == DEFAULT and key in ("namespace", "namespaces") else value

    def _inward(self, stored: Stored) -> Stored:
        obj: Object = self._back.json(stored.object)
        return stored if obj is stored.object else Stored(stored.revision, obj)


class RenamedWatch:
    """A watch whose events bear the scenario's names."""

    def __init__(self, inner: WatchStream, names: RenamedTransport) -> None:
        self._inner = inner
        self._names = names

    async def next(self) -> list[WatchEvent]:
        """The next events."""
        return [self._names.event(event) for event in await self._inner.next()]

    def close(self) -> None:
        """Stops watching."""
        self._inner.close()


def concerns_all(request: Request) -> bool:
    """Whether a request changes something that belongs to the whole cluster."""
    resource = request.resource
    return request.verb in WRITES and not resource.namespaced and resource.group != QUESTIONS


def labelled(obj: Object, run: str) -> Object:
    """A cluster-scoped object with the run's label, by which it is found again."""
    metadata = obj.get("metadata") or {}
    return {**obj, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), RUN_LABEL: run}}}


def refusal(resource: Resource, why: str) -> ForbiddenError:
    """What the guard says."""
    return ForbiddenError(f"{resource.qualified}: {why}")


def node_map(scenario: list[str], cluster: list[Object]) -> dict[str, str]:
    """Which node of the cluster plays which of the scenario: the same names if there are, else workers first."""
    present = [node["metadata"]["name"] for node in cluster]
    if set(scenario) <= set(present):
        return {name: name for name in scenario}
    workers = sorted(cluster, key=lambda node: (is_control_plane(node), node["metadata"]["name"]))
    return dict(zip(scenario, (node["metadata"]["name"] for node in workers), strict=False))


def is_control_plane(node: Object) -> bool:
    """Whether a node bears the control plane, which a scenario had better not break."""
    labels = node["metadata"].get("labels") or {}
    return "node-role.kubernetes.io/control-plane" in labels or "node-role.kubernetes.io/master" in labels
