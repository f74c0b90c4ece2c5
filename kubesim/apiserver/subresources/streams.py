"""`pods/exec`, `pods/attach`, `pods/portforward`: sessions with what runs on a node.

What is wrong with the request itself is refused. Once the session stands, whatever goes wrong (the kubelet is
not reached, the container is gone) is told on its error channel, as the real apiserver does, which has accepted
the WebSocket by then.
Upstream: pkg/registry/core/pod/rest/subresources.go, k8s.io/apiserver/pkg/util/proxy/streamtranslator.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from kubesim.api.errors import BadRequestError
from kubesim.api.kubelet_call import ATTACH, EXEC, PORT_FORWARD, KubeletCall, KubeletError
from kubesim.api.session import ERROR, Session, session_pair
from kubesim.api.stored import Stored
from kubesim.apiserver.kubelet_client import DialError, url
from kubesim.apiserver.subresources.connecting import Connecting, container_of

QUERY_NAMES = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
STREAM_FLAGS = ("stdin", "stdout", "stderr")
SPECIFY_A_STREAM = "you must specify at least 1 of stdin, stdout, stderr"


async def execute(connecting: Connecting) -> Session:
    """Runs a program in a container."""
    if not connecting.options.get("command"):
        raise BadRequestError("you must specify at least one command for the container")
    return await _stream(connecting, EXEC)


async def attach(connecting: Connecting) -> Session:
    """Joins process 1 of a container."""
    return await _stream(connecting, ATTACH)


async def _stream(connecting: Connecting, path: str) -> Session:
    options, request = connecting.options, connecting.request
    pod = await connecting.stored()
    container = container_of(pod, options.get("container", ""))
    node = _node_of(pod)
    if not any(options.get(name) for name in STREAM_FLAGS):
        raise BadRequestError(SPECIFY_A_STREAM)
    address = connecting.kubelets.address(node)
    call = KubeletCall(path, request.namespace, pod.name, container, options)
    try:
        return await connecting.kubelets.call(node, address, call)
    except DialError as error:
        query: dict[str, object] = {name: "1" for flag, name in QUERY_NAMES.items() if options.get(flag)}
        if command := options.get("command"):
            query["command"] = list(command)
        where = url(address, f"{path}/{request.namespace}/{pod.name}/{container}", query)
        return failed(f'error sending request: Post "{where}": {error}')
    except KubeletError as error:
        return failed(f"unable to upgrade connection: {error.message}")


async def forward_port(connecting: Connecting) -> Session:
    """One connection to a port of a Pod."""
    request = connecting.request
    pod = await connecting.stored()
    node = _node_of(pod)
    address = connecting.kubelets.address(node)
    call = KubeletCall(PORT_FORWARD, request.namespace, pod.name, options=connecting.options, uid=pod.uid)
    try:
        return await connecting.kubelets.call(node, address, call)
    except DialError as error:
        return failed(f"error dialing backend: {error}")
    except KubeletError as error:
        return failed(error.message)


def _node_of(pod: Stored) -> str:
    node: str = pod.object["spec"].get("nodeName", "")
    if not node:
        raise BadRequestError(f"pod {pod.name} does not have a host assigned")
    return node


def failed(words: str) -> Session:
    """A session that says what went wrong, and nothing else."""
    theirs, ours = session_pair()
    status: dict[str, Any] = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": f"Internal error occurred: {words}", "reason": "InternalError",
        "details": {"causes": [{"message": words}]}, "code": 500,
    }  # fmt: skip
    ours.send(ERROR, orjson.dumps(status))
    ours.finish()
    return theirs
