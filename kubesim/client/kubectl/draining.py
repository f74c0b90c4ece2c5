"""`kubectl drain`: no new Pods for a node, and the present ones asked to leave, one budget at a time.

Pods of DaemonSets stay (they would come back at once), Pods that nobody would replace stop it unless --force is given.
An eviction that a PodDisruptionBudget refuses is tried again every five seconds, until --timeout.
Upstream: k8s.io/kubectl/pkg/drain. Left out: emptyDir volumes count as nothing that could be lost.
"""

from __future__ import annotations

import asyncio
import re

from kubesim.api.errors import NotFoundError, TooManyRequestsError
from kubesim.api.meta import controller_of
from kubesim.api.resources import NODES, PODS
from kubesim.api.stored import Stored
from kubesim.api.wire import Options
from kubesim.client.kubectl.command import Command, KubectlError
from kubesim.client.kubectl.session import Session, Target

RETRY_SECONDS = 5.0
POLL_SECONDS = 1.0
UNITS = {"s": 1, "m": 60, "h": 3600}
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


async def drain(session: Session, command: Command) -> list[str]:
    """Cordons, then evicts all that may go; returns when they are gone."""
    names = [word.removeprefix("node/") for word in command.words[1:]]
    if not names:
        raise KubectlError("drain takes the name of a node, for instance: drain node-1 --ignore-daemonsets")
    lines: list[str] = []
    for name in names:
        is_cordoned = bool((await session.client.get(NODES, name)).object["spec"].get("unschedulable"))
        if not is_cordoned:
            await session.patch(Target(NODES, name, ""), {"spec": {"unschedulable": True}})
        lines.append(f"node/{name} {'already ' if is_cordoned else ''}cordoned")
        pods = await _leaving(session, command, name)
        seconds = seconds_of(command.flag("timeout"))
        try:
            async with asyncio.timeout(seconds or None):
                for pod in pods:
                    lines += await _evict(session, pod)
        except TimeoutError:
            raise KubectlError(f'unable to drain node "{name}": global timeout reached: {seconds}s') from None
        lines.append(f"node/{name} drained")
    return lines


async def _leaving(session: Session, command: Command, node: str) -> list[Stored]:
    options = Options(field_selector=f"spec.nodeName={node}", label_selector=command.flag("pod-selector"))
    leaving, problems = [], []
    for pod in (await session.client.list(PODS, "", options)).items:
        owner = controller_of(pod.object)
        has_ended = (pod.object.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if MIRROR_ANNOTATION in (pod.object["metadata"].get("annotations") or {}):
            continue
        if owner is not None and owner["kind"] == "DaemonSet" and not has_ended:
            if not command.switch("ignore-daemonsets"):
                problems.append(
                    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): "
                    f"{pod.namespace}/{pod.name}"
                )
            continue
        if owner is None and not has_ended and not command.switch("force"):
            problems.append(
                "cannot delete cannot delete Pods that declare no controller (use --force to override): "
                f"{pod.namespace}/{pod.name}"
            )
        leaving.append(pod)
    if problems:
        raise KubectlError(f'unable to drain node "{node}" due to error: {", ".join(problems)}')
    return leaving


async def _evict(session: Session, pod: Stored) -> list[str]:
    lines = [f"evicting pod {pod.namespace}/{pod.name}"]
    while True:
        try:
            await session.client.evict(pod.namespace, pod.name)
            break
        except NotFoundError:
            return lines
        except TooManyRequestsError as error:
            where = f'pods/"{pod.name}" -n "{pod.namespace}"'
            lines.append(f"error when evicting {where} (will retry after 5s): {error}")
            await asyncio.sleep(RETRY_SECONDS)
    while True:
        try:
            present = await session.client.get(PODS, pod.name, pod.namespace)
        except NotFoundError:
            break
        if present.uid != pod.uid:
            break
        await asyncio.sleep(POLL_SECONDS)
    return [*lines, f"pod/{pod.name} evicted"]


def seconds_of(text: str) -> float:
    """`90s`, `1m30s`; 0 for nothing."""
    parts = re.findall(r"([0-9.]+)([smh])", text)
    if text not in ("", "0") and "".join(number + unit for number, unit in parts) != text:
        raise KubectlError(f'a timeout is a number with a unit, such as 30s or 2m, not "{text}"')
    return sum(float(number) * UNITS[unit] for number, unit in parts)
