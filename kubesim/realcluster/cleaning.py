"""Cleaning up after a run: machines come back, nodes become what they were, and what was made goes away.

It works from the journal alone, so it is the same after a good end, after Ctrl-C, and for what a run left behind that
was killed. What cannot be done is said with the commands that do it.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
from collections.abc import Callable

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import BY_PLURAL, NAMESPACES, NODES
from kubesim.api.stored import Stored
from kubesim.api.wire import Options
from kubesim.client.client import Client
from kubesim.client.kubeconfig import Access
from kubesim.realcluster.drivers import CommandFailedError, Driver, Operation, undo_of
from kubesim.realcluster.drivers.driver import run_command
from kubesim.realcluster.journal import Undo, read_undo, repair_patch
from kubesim.realcluster.safety import OWNER_ANNOTATION, RUN_LABEL

GONE_SECONDS_MAX = 90
POLL_SECONDS = 1.0

Tell = Callable[[str], None]


async def clean(client: Client, driver: Driver, namespace: str, undo: Undo, tell: Tell) -> list[str]:
    """Undoes a run, as far as that is possible; what went wrong, nothing if all went well."""
    problems: list[str] = []
    for operation in undo_of([Operation(*done) for done in undo.operations]):
        for command in driver.commands(operation, operation.node) or ():
            tell(f"clean up: {shlex.join(command)}")
            try:
                await run_command(command)
            except CommandFailedError as error:
                problems.append(str(error))
    try:
        for name, before in undo.nodes.items():
            node = await client.get(NODES, name)
            if patch := repair_patch(node.object, before):
                tell(f"clean up: node {name} becomes what it was")
                await client.merge_patch(NODES, name, patch)
        for api_version, plural, name in undo.made:
            await delete(client, api_version, plural, name, tell)
        await remove(client, namespace, tell)
    except (ApiError, TransportError) as error:
        problems.append(str(error))
    return problems


async def delete(client: Client, api_version: str, plural: str, name: str, tell: Tell) -> None:
    """Deletes an object that lies in no namespace, if the run has made it."""
    resource = BY_PLURAL.get((api_version, plural))
    if resource is None:
        return
    try:
        found = await client.get(resource, name)
        if RUN_LABEL in (found.object["metadata"].get("labels") or {}):
            tell(f"clean up: {resource.singular} {name} is deleted")
            await client.delete(resource, name)
    except NotFoundError:
        return


async def remove(client: Client, namespace: str, tell: Tell) -> None:
    """Deletes the namespace and waits until it is gone, or says that it is still going."""
    try:
        await client.delete(NAMESPACES, namespace)
        tell(f"clean up: namespace {namespace} is deleted")
        async with asyncio.timeout(GONE_SECONDS_MAX):
            while True:
                await client.get(NAMESPACES, namespace)
                await asyncio.sleep(POLL_SECONDS)
    except NotFoundError:
        return
    except TimeoutError:
        tell(f"clean up: namespace {namespace} is still terminating; the cluster finishes that by itself")


def by_hand(access: Access, driver: Driver, namespace: str, undo: Undo) -> list[str]:
    """The commands that do what could not be done."""
    kubectl = f"kubectl --context {shlex.quote(access.context)}"
    lines = [
        shlex.join(command)
        for operation in undo_of([Operation(*done) for done in undo.operations])
        for command in driver.commands(operation, operation.node) or ()
    ]
    lines += [f"{kubectl} uncordon {name}" for name, before in undo.nodes.items() if not before.unschedulable]
    lines += [f"{kubectl} delete {plural} {name}" for _, plural, name in undo.made]
    return [*lines, f"{kubectl} delete namespace {namespace}"]


async def leftovers(client: Client) -> list[Stored]:
    """Namespaces of runs that nobody runs any more. One on another machine may still be going: it is left alone."""
    found = await client.list(NAMESPACES, options=Options(label_selector=RUN_LABEL))
    return [item for item in found.items if is_abandoned(item)]


def is_abandoned(namespace: Stored) -> bool:
    """Whether the process that made it is gone from this machine."""
    metadata = namespace.object["metadata"]
    if metadata.get("deletionTimestamp"):
        return False
    host, _, pid = (metadata.get("annotations") or {}).get(OWNER_ANNOTATION, "").rpartition("/")
    return host == socket.gethostname() and pid.isdecimal() and not is_running(int(pid))


def is_running(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def owner() -> str:
    """This process, as the annotation has it."""
    return f"{socket.gethostname()}/{os.getpid()}"


async def clean_leftovers(client: Client, driver: Driver, tell: Tell, *, everything: bool = False) -> list[str]:
    """Cleans up what runs have left behind; with `everything` also those that may be going on elsewhere."""
    found = await leftovers(client)
    if everything:
        found = list((await client.list(NAMESPACES, options=Options(label_selector=RUN_LABEL))).items)
    problems: list[str] = []
    for namespace in found:
        tell(f"an earlier run has left the namespace {namespace.name} behind")
        problems += await clean(client, driver, namespace.name, read_undo(namespace.object), tell)
    return problems
