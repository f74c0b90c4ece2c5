"""An ingress controller: requests that reach its Pod go on to the Service that an Ingress names.

As ingress-nginx it goes straight to the endpoints, one after another, and answers 404 itself where no rule fits and 503
where nobody is ready. It writes the address of its node into the Ingress's status. TLS ends here: a request for a host
with a certificate that came without TLS is sent back with 308.
Upstream: github.com/kubernetes/ingress-nginx; minikube's deploy/addons/ingress. Left out: most annotations, regular
expressions in paths, certificates' contents, the admission webhook.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from kubesim.addons.ingress_rules import Route, choose, is_ours, routes_of
from kubesim.addons.program import Program
from kubesim.api.meta import with_fields
from kubesim.api.resources import ENDPOINT_SLICES, INGRESS_CLASSES, INGRESSES, NODES, PODS, SERVICES
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust
from kubesim.api.traffic import ANSWERED, Connection, Hop, HttpCall, Reply, kernel_of, program_of
from kubesim.api.views import EndpointSlice, Service
from kubesim.client.client import Client
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.sim import Simulation

NAME, NAMESPACE, CLASS = "ingress-nginx-controller", "ingress-nginx", "nginx"
CONTROLLER = "k8s.io/ingress-nginx"
LABELS = {
    "app.kubernetes.io/name": "ingress-nginx",
    "app.kubernetes.io/instance": "ingress-nginx",
    "app.kubernetes.io/component": "controller",
}
SERVICE_NAME = "kubernetes.io/service-name"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
PAGE = "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
PAGE += "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
TITLES = {308: "308 Permanent Redirect", 404: "404 Not Found", 502: "502 Bad Gateway",
          503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}  # fmt: skip

OBJECTS: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": CLASS, "labels": LABELS, "annotations": {DEFAULT_CLASS: "true"}},
        "spec": {"controller": CONTROLLER},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "containers": [
                        {
                            "name": "controller",
                            "image": "registry.k8s.io/ingress-nginx/controller:v1.14.0",
                            "ports": [
                                {"name": "http", "containerPort": 80, "hostPort": 80},
                                {"name": "https", "containerPort": 443, "hostPort": 443},
                            ],
                            "resources": {"requests": {"cpu": "100m", "memory": "90Mi"}},
                        }
                    ]
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "type": "NodePort",
            "selector": LABELS,
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http"},
                {"name": "https", "port": 443, "targetPort": "https"},
            ],
        },
    },
)


class IngressController(Controller):
    """Keys are those of Ingresses: their status. Requests are answered beside the queue."""

    name = "ingress-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._network = context.sim.network
        self._ingresses = self.informers.of(INGRESSES)
        self._classes = self.informers.of(INGRESS_CLASSES)
        self._services = self.informers.of(SERVICES)
        self._nodes = self.informers.of(NODES)
        self._slices = self.informers.of(ENDPOINT_SLICES)
        self._slices.add_index("service", by_service)
        self._routes: list[Route] | None = None
        self._turns: Counter[str] = Counter()
        self._pods: dict[str, Stored] = {}
        self._ingresses.add_handler(
            on_add=self._seen, on_update=lambda _, new: self._seen(new), on_delete=lambda _: self._forget_routes()
        )
        self.informers.of(PODS, namespace=NAMESPACE).add_handler(
            on_add=self._pod_seen, on_update=lambda _, new: self._pod_seen(new), on_delete=self._pod_gone
        )

    async def reconcile(self, key: str) -> None:
        """Tells in an Ingress's status where it can be reached."""
        stored = self._ingresses.get(key)
        address = self._address()
        if stored is None or not address or not is_ours(stored.object, CLASS, by_default=self._is_default()):
            return
        wanted = {"loadBalancer": {"ingress": [{"ip": address}]}}
        if (stored.object.get("status") or {}) != wanted:
            await self.client.update_status(INGRESSES, with_fields(stored.object, {"status": wanted}))

    # -- requests -------------------------------------------------------------------------------------

    async def answer(self, pod: Stored, connection: Connection) -> Reply:
        """What becomes of one request that has reached the Pod."""
        call = connection.data
        assert isinstance(call, HttpCall), "only those are handed to a program"
        route = choose(self._current_routes(), call.headers.get("host", ""), call.path)
        if route is None:
            return self._page(pod, connection, 404, "no rule of an Ingress fits")
        if connection.port != 443 and self._has_certificate(route, call.headers.get("host", "")):
            return self._page(pod, connection, 308, f"{route.ingress} wants TLS")
        endpoint = self._endpoint(route)
        if endpoint is None:
            return self._page(pod, connection, 503, f"{route.namespace}/{route.service} has no ready endpoint")
        headers = {**call.headers, "x-forwarded-for": connection.source, "x-real-ip": connection.source}
        path = route.rewrite or call.path
        passed = Connection(
            pod.object["status"]["podIP"], endpoint[0], endpoint[1],
            data=HttpCall(call.method, path, headers, call.body), trace=connection.trace, probing=connection.probing,
        )  # fmt: skip
        node = pod.object["spec"]["nodeName"]
        reply: Reply = await self._network.request(node, kernel_of(node), passed)
        told = Hop("ingress", node, f"{route.ingress}: {route.service} → {endpoint[0]}:{endpoint[1]}")
        if reply.outcome != ANSWERED:
            why = f"{endpoint[0]}:{endpoint[1]} does not answer ({reply.reason})"
            return self._page(pod, connection, 502, why, (told, *reply.hops))
        return msgspec.structs.replace(reply, hops=(told, *reply.hops) if connection.trace else ())

    def _page(self, pod: Stored, connection: Connection, code: int, why: str, hops: tuple[Hop, ...] = ()) -> Reply:
        """An answer of its own."""
        headers = {"content-type": "text/html"}
        if code == 308 and isinstance(connection.data, HttpCall):
            headers["location"] = f"https://{connection.data.headers.get('host', '')}{connection.data.path}"
        node = pod.object["spec"]["nodeName"]
        told = (*hops, Hop("ingress", node, f"{TITLES[code]}: {why}")) if connection.trace else ()
        return Reply(
            ANSWERED, code=code, headers=headers, body=PAGE.format(title=TITLES[code]).encode(), reason=why,
            source=connection.source, address=connection.destination, port=connection.port, node=node,
            namespace=pod.namespace, pod=pod.name, container="controller", hops=told,
        )  # fmt: skip

    def _current_routes(self) -> list[Route]:
        if self._routes is None:
            default = self._is_default()
            mine = [each.object for each in self._ingresses.list() if is_ours(each.object, CLASS, by_default=default)]
            self._routes = routes_of(mine)
        return self._routes

    def _endpoint(self, route: Route) -> tuple[str, int] | None:
        """The next ready endpoint of a route's Service, one after another."""
        key = f"{route.namespace}/{route.service}"
        service = self._services.get(key)
        if service is None:
            return None
        ports = service.view(Service).spec.ports
        names = [port.name for port in ports if route.port in (port.port, port.name)]
        found = [
            (address, port.port)
            for stored in sorted(self._slices.by_index("service", key), key=lambda stored: stored.name)
            for view in (stored.view(EndpointSlice),)
            for port in view.ports
            if port.name in names and port.port
            for endpoint in view.endpoints
            if endpoint.conditions is None or endpoint.conditions.ready is not False
            for address in endpoint.addresses
        ]
        if not found:
            return None
        self._turns[key] += 1
        return found[(self._turns[key] - 1) % len(found)]

    def _has_certificate(self, route: Route, host: str) -> bool:
        stored = self._ingresses.get(route.ingress)
        tls = ((stored.object.get("spec") or {}).get("tls") or ()) if stored is not None else ()
        return any(host.partition(":")[0] in (entry.get("hosts") or ()) for entry in tls)

    # -- what it knows --------------------------------------------------------------------------------

    def _is_default(self) -> bool:
        stored = self._classes.get(CLASS)
        annotations = (stored.object["metadata"].get("annotations") or {}) if stored is not None else {}
        return bool(annotations.get(DEFAULT_CLASS) == "true")

    def _address(self) -> str:
        """The address of the node on which its first Pod runs."""
        for key in sorted(self._pods):
            node = self._nodes.get(self._pods[key].object["spec"]["nodeName"])
            for entry in (node.object.get("status") or {}).get("addresses") or () if node is not None else ():
                if entry["type"] == "InternalIP":
                    return str(entry["address"])
        return ""

    def _seen(self, stored: Stored) -> None:
        self._forget_routes()
        self.queue.add(stored.key)

    def _forget_routes(self) -> None:
        self._routes = None

    def _pod_seen(self, pod: Stored) -> None:
        """A Pod of ours that has an address answers by this program."""
        labels = pod.object["metadata"].get("labels") or {}
        if labels.get("app.kubernetes.io/name") != LABELS["app.kubernetes.io/name"]:
            return
        if not (pod.object.get("status") or {}).get("podIP"):
            return
        if pod.key not in self._pods:
            for stored in self._ingresses.list():
                self.queue.add(stored.key)
        self._pods[pod.key] = pod
        node = pod.object["spec"]["nodeName"]

        async def answer(connection: Connection) -> Reply:
            return await self.answer(pod, connection)

        self._network.attach(program_of(pod.namespace, pod.name), node, answer)

    def _pod_gone(self, pod: Stored) -> None:
        self._pods.pop(pod.key, None)
        self._network.detach(program_of(pod.namespace, pod.name))


def by_service(stored: Stored) -> tuple[str, ...]:
    """The Service of a slice."""
    name = (stored.object["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return (f"{stored.namespace}/{name}",) if name else ()


def make_program(sim: Simulation, client: Client, trust: Trust) -> Program:
    """The controller as a component."""
    return Program(sim, client, trust, [(IngressController, "nginx-ingress-controller")])
