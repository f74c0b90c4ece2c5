"""Extenders: somebody outside of the scheduler who has a say in where Pods go.

An extender is asked over HTTP (`urlPrefix: http://…`), with JSON in and out; or, which is kubesim's own, it is a
Python callable `(verb, arguments) → answer` in this process (`urlPrefix: file.py:function`), so that virtual runs can
have one. It turns nodes down after the filters, adds points from 0 to 10 per node, may veto victims, and may bind.
One that fails sends the Pod back into the queue, unless it is `ignorable`.
Upstream: pkg/scheduler/extender.go, staging/src/k8s.io/kube-scheduler/extender/v1.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from kubesim.api.stored import Stored
from kubesim.scheduler.extender_config import ExtenderConfig, ExtenderError
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.preemption.candidates import Candidate

NAME = "Extender"  # As which it stands among the plugins that turned a Pod down.
SCORE_FACTOR = 10  # Its scores go up to 10, those of plugins to 100.
FindNode = Callable[[str], Stored | None]


class Filtered(msgspec.Struct, frozen=True):
    """The nodes that are left, and what was said of others."""

    nodes: list[NodeInfo]
    failed: dict[str, str]
    unresolvable: dict[str, str]


class Extender:
    """One extender. `send` carries a verb and its arguments there, and the answer back."""

    def __init__(
        self, config: ExtenderConfig, send: Callable[[str, dict[str, Any]], Awaitable[Any]], find_node: FindNode
    ) -> None:  # fmt: skip
        self.config = config
        self._find_node = find_node
        self.name = config.url_prefix
        self._send = send

    def is_interested(self, pod: PodInfo) -> bool:
        """Whether the Pod asks for a resource that the extender manages; one that manages none wants to see all."""
        managed = self.config.managed_resources
        if not managed:
            return True
        spec = pod.pod.spec
        named = [
            (container.resources.requests, container.resources.limits)
            for container in (*spec.containers, *spec.init_containers)
            if container.resources
        ]
        return any(name in (part or ()) for parts in named for part in parts for name in managed)

    async def filter(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Filtered:
        """Which of the nodes will do."""
        if not self.config.filter_verb:
            return Filtered(list(nodes), {}, {})
        answer = await self._ask(self.config.filter_verb, self._about(pod, nodes))
        if error := self._field(answer, "error", str, ""):
            raise ExtenderError(error)
        by_name = {node.name: node for node in nodes}
        names = self._field(answer, "nodenames", list, None) if self.config.node_cache_capable else None
        if names is None:
            items = self._field(answer, "nodes", dict, None) or {}
            names = [self._name_of(node) for node in self._field(items, "items", list, None) or ()]
        for name in names:
            if name not in by_name:
                raise ExtenderError(
                    f'extender "{self.name}" claims a filtered node "{name}" which is not found in the input node list'
                )
        failed, unresolvable = (
            self._texts(answer, field) for field in ("failednodes", "failedandunresolvablenodes")
        )  # fmt: skip
        return Filtered([by_name[name] for name in names], failed, unresolvable)

    async def prioritize(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, int]:
        """Points by node, as they count beside those of the plugins."""
        if not self.config.prioritize_verb:
            return {}
        answer = await self._ask(self.config.prioritize_verb, self._about(pod, nodes))
        if not isinstance(answer, list):
            raise self._malformed(self.config.prioritize_verb, "it is no list of hosts with scores")
        points: dict[str, int] = {}
        for each in answer:
            host = self._field(each, "host", str, "")
            score = self._field(each, "score", int, 0)
            points[host] = points.get(host, 0) + score * self.config.weight * SCORE_FACTOR
        return points

    async def preempt(
        self, pod: PodInfo, candidates: Sequence[Candidate], nodes: Mapping[str, NodeInfo]
    ) -> list[Candidate]:
        """The nodes that may be cleared, and of whom."""
        victims = {
            candidate.node: {
                "Pods": [
                    {"UID": victim.uid} if self.config.node_cache_capable else victim.stored.object
                    for victim in candidate.victims
                ],
                "NumPDBViolations": candidate.violations,
            }
            for candidate in candidates
        }
        field = "NodeNameToMetaVictims" if self.config.node_cache_capable else "NodeNameToVictims"
        answer = await self._ask(self.config.preempt_verb, {"Pod": pod.stored.object, field: victims})
        chosen: list[Candidate] = []
        for name, said in (self._field(answer, "nodenametometavictims", dict, None) or {}).items():
            node = nodes.get(name)
            if node is None:
                raise ExtenderError(f'nodeinfo not found for node name "{name}"')
            uids = [self._field(each, "uid", str, "") for each in self._field(said or {}, "pods", list, None) or ()]
            if missing := [uid for uid in uids if uid not in node.pods]:
                raise ExtenderError(
                    f"extender: {self.name} claims to preempt pod (UID: {missing[0]}) on node: {name}, "
                    "but the pod is not found on that node"
                )
            if uids:
                violations = self._field(said, "numpdbviolations", int, 0)
                chosen.append(Candidate(name, tuple(node.pods[uid] for uid in uids), (), violations))
            elif not self.config.ignorable:
                raise ExtenderError(f'expected at least one victim pod on node "{name}"')
        return chosen

    async def bind(self, pod: PodInfo, node: str) -> None:
        """Has the Pod bound."""
        arguments = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node}
        answer = await self._ask(self.config.bind_verb, arguments)
        if error := self._field(answer, "error", str, ""):
            raise ExtenderError(error)

    def _about(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, Any]:
        about: dict[str, Any] = {"Pod": pod.stored.object, "Nodes": None, "NodeNames": None}
        if self.config.node_cache_capable:
            about["NodeNames"] = [node.name for node in nodes]
        else:
            known = [self._find_node(node.name) for node in nodes]
            about["Nodes"] = {"metadata": {}, "items": [node.object for node in known if node]}
        return about

    async def _ask(self, verb: str, arguments: dict[str, Any]) -> Any:
        try:
            return await self._send(verb, arguments)
        except ExtenderError:
            raise
        except Exception as error:
            raise ExtenderError(f'extender "{self.name}" failed to {verb}: {error!r}') from error

    def _name_of(self, node: Any) -> str:
        name: str = self._field(self._field(node, "metadata", dict, None) or {}, "name", str, "")
        return name

    def _texts(self, answer: Any, field: str) -> dict[str, str]:
        return {str(name): str(why) for name, why in (self._field(answer, field, dict, None) or {}).items()}

    def _field(self, answer: Any, name: str, kind: type, default: Any) -> Any:
        """A field by its name in small letters: Go reads JSON so."""
        if not isinstance(answer, dict):
            raise self._malformed("", "it is no object")
        value = next((answer[key] for key in answer if str(key).lower() == name), None)
        if value is None:
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._malformed("", f"{name} is {value!r}")
        return value

    def _malformed(self, verb: str, why: str) -> ExtenderError:
        return ExtenderError(f'extender "{self.name}" gave a malformed answer{verb and f" to {verb}"}: {why}')


def make_extender(config: ExtenderConfig, find_node: FindNode) -> Extender:
    """An extender with its way there."""
    call = config.call
    if call is None:

        async def post(verb: str, arguments: dict[str, Any]) -> Any:
            from kubesim.scheduler.extender_http import send  # Loads aiohttp, which virtual runs do without.

            return await send(config, verb, arguments)

        return Extender(config, post, find_node)

    async def ask(verb: str, arguments: dict[str, Any]) -> Any:
        answer = call(verb, arguments)
        return await answer if inspect.isawaitable(answer) else answer

    return Extender(config, ask, find_node)
