"""`pods/proxy`, `services/proxy`, `nodes/proxy`: an HTTP request passed on through the apiserver.

Options: `method`, `path` (what follows `proxy`), `headers`. The answer is a session whose head says code and
headers. Left out: upgrades, rewriting of links in pages.
Upstream: pkg/registry/core/{pod,service,node}/rest, ResourceLocation in their strategies.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, BadRequestError, ServiceUnavailableError, not_found
from kubesim.api.kubelet_call import POD_HTTP, KubeletCall, KubeletError
from kubesim.api.resources import ENDPOINT_SLICES, PODS
from kubesim.api.session import STDOUT, Session, session_pair
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.kubelet_client import DialError
from kubesim.apiserver.subresources.connecting import Connecting, scheme_name_port

DEFAULT_PORT = "80"


async def proxy_to_pod(connecting: Connecting) -> Session:
    """To a port of a Pod, the first of its containers' if none is named."""
    pod = await connecting.stored()
    _, _, port = scheme_name_port(connecting.request.name)
    if not port:
        ports = [each["containerPort"] for container in pod.object["spec"]["containers"]
                 for each in container.get("ports") or ()]  # fmt: skip
        port = str(ports[0]) if ports else DEFAULT_PORT
    if not port.isdigit():
        raise BadRequestError(f'address not allowed: port "{port}" is not a number')
    return await _to(connecting, pod, int(port))


async def proxy_to_service(connecting: Connecting) -> Session:
    """To one of the Pods behind a Service."""
    service = await connecting.stored()
    _, _, wanted = scheme_name_port(connecting.request.name)
    ports = (service.object.get("spec") or {}).get("ports") or []
    if not wanted and len(ports) == 1:
        wanted = ports[0].get("name", "") or str(ports[0]["port"])
    port = next((each for each in ports if wanted in (each.get("name", ""), str(each["port"])) and wanted), None)
    if port is None and wanted:
        raise ServiceUnavailableError(f'no service port "{wanted}" found for service "{service.name}"')
    for slice_ in connecting.all_latest(ENDPOINT_SLICES):
        labels = slice_.object["metadata"].get("labels") or {}
        if slice_.namespace != service.namespace or labels.get("kubernetes.io/service-name") != service.name:
            continue
        numbers = [each["port"] for each in slice_.object.get("ports") or ()
                   if each.get("name", "") == (port or {}).get("name", "")]  # fmt: skip
        for endpoint in slice_.object.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            if not numbers or (endpoint.get("conditions") or {}).get("ready") is False or target.get("kind") != "Pod":
                continue
            pod = connecting.latest(PODS, target["name"], service.namespace)
            if pod is not None:
                return await _to(connecting, pod, numbers[0])
    raise ServiceUnavailableError(f'no endpoints available for service "{connecting.request.name}"')


async def proxy_to_node(connecting: Connecting) -> Session:
    """To the kubelet's own API."""
    node = await connecting.stored()
    address = connecting.kubelets.address(node.name)
    try:
        return await connecting.kubelets.call(node.name, address, KubeletCall(connecting.options.get("path", "")))
    except DialError as error:
        raise _unreachable(str(error)) from None
    except KubeletError as error:
        return said(error.code, error.message)


async def _to(connecting: Connecting, pod: Stored, port: int) -> Session:
    node = pod.object["spec"].get("nodeName", "")
    address = (pod.object.get("status") or {}).get("podIP", "")
    if not node or not address:
        raise BadRequestError("address not allowed")
    call = KubeletCall(POD_HTTP, pod.namespace, pod.name, options={**connecting.options, "port": port})
    try:
        return await connecting.kubelets.call(node, f"{address}:{port}", call)
    except DialError as error:
        raise _unreachable(str(error)) from None
    except KubeletError as error:
        if error.code:
            raise not_found(PODS, pod.name) from None
        raise _unreachable(error.message) from None


def _unreachable(words: str) -> ApiError:
    return ServiceUnavailableError(f"error trying to reach service: {words}")


def said(code: int, text: str) -> Session:
    """An answer of our own."""
    head: Object = {"code": code, "headers": {"Content-Type": "text/plain; charset=utf-8"}}
    theirs, ours = session_pair(head)
    ours.send(STDOUT, text.encode())
    ours.finish()
    return theirs
