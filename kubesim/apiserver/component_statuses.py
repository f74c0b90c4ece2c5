"""ComponentStatuses: is the rest of the control plane well? Made up anew for every question, never stored.

The real server dials the health ports of its neighbours on its own machine. Ours looks at what these programs
themselves show: a scheduler or controller manager that is alive renews its Lease, and etcd has just answered.
Deprecated since v1.19, still in use. Upstream: pkg/registry/core/componentstatus.
"""

from __future__ import annotations

from kubesim.api.errors import MethodNotSupportedError, NotFoundError
from kubesim.api.resources import COMPONENT_STATUSES, LEASES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.apiserver.selection import Selection
from kubesim.apiserver.server import UNKNOWN_METHOD, ApiServer
from kubesim.sim.clock import parse_timestamp_ns

# Component → its Lease in kube-system and the port where it would be dialled.
LEADERS = {"scheduler": ("kube-scheduler", 10259), "controller-manager": ("kube-controller-manager", 10257)}
ETCD = "etcd-0"
SECOND_NS = 1_000_000_000


def is_component_status(resource: Resource) -> bool:
    """Whether a request is about them."""
    return resource == COMPONENT_STATUSES


def answer_component_status(server: ApiServer, request: Request) -> Response:
    """One of them, or all."""
    server.authorize(server.authenticate(request.credential), request)
    if request.verb == "get":
        if request.name not in (ETCD, *LEADERS):
            raise NotFoundError(f'componentstatus "{request.name}" not found')
        return Response(200, _status(server, request.name))
    if request.verb != "list":
        raise MethodNotSupportedError(UNKNOWN_METHOD)
    matches = Selection(request.resource, "", request.options).matches
    statuses = [_status(server, name) for name in (*LEADERS, ETCD)]
    return Response(200, items=[stored for stored in statuses if matches is None or matches(stored.object)])


def _status(server: ApiServer, name: str) -> Stored:
    problem = _problem(server, *LEADERS[name]) if name in LEADERS else ""
    condition: Object = {"type": "Healthy", "status": "False" if problem else "True", "message": problem or "ok"}
    metadata: Object = {"name": name}
    head = {"kind": COMPONENT_STATUSES.kind, "apiVersion": COMPONENT_STATUSES.api_version, "metadata": metadata}
    return Stored(0, {**head, "conditions": [condition]})


def _problem(server: ApiServer, lease_name: str, port: int) -> str:
    """Why a component does not seem to be alive; nothing if it does."""
    stored = server.latest(LEASES, lease_name, "kube-system")
    spec = (stored.object.get("spec") or {}) if stored is not None else {}
    renewed = spec.get("renewTime")
    if renewed and spec.get("holderIdentity"):
        age_ns = server.sim.clock.unix_ns() - parse_timestamp_ns(renewed)
        if age_ns <= spec.get("leaseDurationSeconds", 0) * SECOND_NS:
            return ""
    address = f"127.0.0.1:{port}"
    return f'Get "https://{address}/healthz": dial tcp {address}: connect: connection refused'
