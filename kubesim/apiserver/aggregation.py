"""Passes requests on to servers that extend the API, and tells in each APIService whether its server can be reached.

An APIService without a Service is served here (Local). One with a Service is available if the Service is there, has an
endpoint that is ready at the named port, and the server behind it answers; that is looked at whenever one of these
changes, and every 30 s. Unavailable groups stay in discovery, marked stale. Upstream: k8s.io/kube-aggregator.
Left out: APIServices for the built-in groups (autoregistration), certificates, watches, and servers outside.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec

from kubesim.api.errors import ApiError, ConflictError, NotFoundError, ServerTimeoutError, ServiceUnavailableError
from kubesim.api.extension import DISCOVER, endpoint_of
from kubesim.api.meta import with_fields
from kubesim.api.resources import API_SERVICES, ENDPOINT_SLICES, SERVICES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import Request, Response
from kubesim.apiserver.authn import API_SERVER
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.catalogue import Catalogue
from kubesim.apiserver.host import Host
from kubesim.apiserver.registry.change import always, change, finish_status_update
from kubesim.etcd.errors import EtcdError
from kubesim.sim import NetworkError, Tasks

NAME = "kube-aggregator"
CHECK_SECONDS = 30.0
ANSWER_SECONDS = 5.0
FORWARD_SECONDS = 60.0
AVAILABLE = "Available"


class Verdict(NamedTuple):
    """Whether a server can be reached, and why not."""

    status: str
    reason: str
    message: str


LOCAL = Verdict("True", "Local", "Local APIServices are always available")
PASSED = Verdict("True", "Passed", "all checks passed")


class Aggregation:
    """The APIServices of one server."""

    def __init__(self, server: Host, catalogue: Catalogue, tasks: Tasks) -> None:
        self._server = server
        self._catalogue = catalogue
        self._tasks = tasks
        self._backends: dict[str, Object] = {}  # APIServices by name, those with a Service.
        self._is_working = False
        self._waiting: dict[str, None] = {}  # Names to look at, in order.
        self._is_checking = False

    def start(self) -> None:
        """Follows the APIServices, and what their availability depends on."""
        registry = self._server.registries.get((API_SERVICES.group, API_SERVICES.plural))
        if registry is None:
            return
        self._registry = registry
        for stored in registry.cache.ordered():
            self._changed(stored.name, stored)
        registry.cache.on_change = self._changed
        for resource in (SERVICES, ENDPOINT_SLICES):
            backend = self._server.registries.get((resource.group, resource.plural))
            if backend is not None:
                backend.cache.on_change = self._backend_changed

    # -- requests -----------------------------------------------------------------------------------------

    def serves(self, resource: Resource) -> bool:
        """Whether requests for a resource go to another server."""
        return f"{resource.version}.{resource.group}" in self._backends

    async def forward(self, request: Request) -> Response:
        """What that server answers to a request that has been authorized here."""
        resource = request.resource
        backend = self._backends[f"{resource.version}.{resource.group}"]
        if self._catalogue.is_stale(resource.group, resource.version):
            raise unavailable(request)
        try:
            async with asyncio.timeout(FORWARD_SECONDS):
                answer = await self._ask(backend, msgspec.structs.replace(request, credential=None))
        except NetworkError:
            raise unavailable(request) from None
        except TimeoutError:
            raise ServerTimeoutError("the server did not answer in time") from None
        assert isinstance(answer, Response), "an extension answers a request with a response"
        return answer

    async def _ask(self, api_service: Object, message: Request | str) -> object:
        service = api_service["spec"]["service"]
        endpoint = endpoint_of(service["namespace"], service["name"])
        return await self._server.sim.network.request(self._server.name, endpoint, message)

    # -- availability -------------------------------------------------------------------------------------

    def _backend_changed(self, key: str, _stored: Stored | None) -> None:
        """A Service or an EndpointSlice."""
        namespace = key.partition("/")[0]
        for name, api_service in self._backends.items():
            if api_service["spec"]["service"].get("namespace") == namespace:
                self._look_at(name)

    def _changed(self, name: str, stored: Stored | None) -> None:
        """An APIService."""
        before = self._backends.pop(name, None)
        if stored is not None and stored.object["spec"].get("service"):
            self._backends[name] = stored.object
        elif before is not None:
            self._catalogue.pass_on(before["spec"]["group"], before["spec"]["version"], None)
        if stored is None:
            return
        if before is None or before["spec"] != stored.object["spec"]:
            self._look_at(name)
        if self._backends and not self._is_checking:
            self._is_checking = True
            self._tasks.spawn(self._check_again_and_again(), "api-services-check")

    def _look_at(self, name: str) -> None:
        self._waiting[name] = None
        if not self._is_working:
            self._is_working = True
            self._tasks.spawn(self._work(), "api-services")

    async def _check_again_and_again(self) -> None:
        while self._backends:
            for name in self._backends:
                self._look_at(name)
            await asyncio.sleep(CHECK_SECONDS)
        self._is_checking = False

    async def _work(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            del self._waiting[name]
            try:
                await self._sync(name)
            except (ApiError, EtcdError) as error:
                if not isinstance(error, ConflictError | NotFoundError):
                    await asyncio.sleep(1)
                if name in self._registry.cache.state:
                    self._waiting[name] = None
                    await asyncio.sleep(0)
        self._is_working = False

    async def _sync(self, name: str) -> None:
        stored = self._registry.latest(name)
        if stored is None:
            return
        spec = stored.object["spec"]
        if not spec.get("service"):
            await self._write(stored.object, LOCAL)
            return
        verdict, rows = await self._verdict(stored.object)
        if name in self._backends:
            self._catalogue.pass_on(spec["group"], spec["version"], rows)
        await self._write(stored.object, verdict)

    async def _verdict(self, api_service: Object) -> tuple[Verdict, tuple[Resource, ...]]:
        """Whether the server can be reached, and the kinds that it serves."""
        reference = api_service["spec"]["service"]
        namespace, name = reference.get("namespace", ""), reference.get("name", "")
        where, port = f'service/{name} in "{namespace}"', reference.get("port", 443)
        service = self._server.latest(SERVICES, name, namespace)
        if service is None:
            return Verdict("False", "ServiceNotFound", f"{where} is not present"), ()
        ports = [each for each in service.object["spec"].get("ports") or () if each["port"] == port]
        if not ports:
            return Verdict("False", "ServicePortError", f"{where} is not listening on port {port}"), ()
        if not self._has_endpoint(namespace, name):
            words = f'endpoints for {where} have no addresses with port name "{ports[0].get("name", "")}"'
            return Verdict("False", "MissingEndpoints", words), ()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                rows = await self._ask(api_service, DISCOVER)
        except (NetworkError, TimeoutError) as error:
            words = (
                f"failing or missing response from https://{service.object['spec'].get('clusterIP')}:{port}: {error}"
            )
            return Verdict("False", "FailedDiscoveryCheck", words), ()
        assert isinstance(rows, tuple), "an extension says what it serves"
        spec = api_service["spec"]
        return PASSED, tuple(row for row in rows if (row.group, row.version) == (spec["group"], spec["version"]))

    def _has_endpoint(self, namespace: str, service: str) -> bool:
        for stored in self._server.all_latest(ENDPOINT_SLICES):
            labels = stored.object["metadata"].get("labels") or {}
            if stored.namespace == namespace and labels.get("kubernetes.io/service-name") == service:
                for endpoint in stored.object.get("endpoints") or ():
                    if (endpoint.get("conditions") or {}).get("ready") is not False:
                        return True
        return False

    async def _write(self, api_service: Object, verdict: Verdict) -> None:
        """Writes the condition if it says something new."""
        status = api_service.get("status") or {}
        others = [each for each in status.get("conditions") or () if each["type"] != AVAILABLE]
        old: Object = next((each for each in status.get("conditions") or () if each["type"] == AVAILABLE), {})
        if (old.get("status"), old.get("reason"), old.get("message")) == verdict:
            return
        since = self._server.sim.clock.timestamp()
        if old.get("status") == verdict.status:
            since = old["lastTransitionTime"]
        condition = {"type": AVAILABLE, "lastTransitionTime": since, **verdict._asdict()}
        changed = with_fields(api_service, {"status": {**status, "conditions": [*others, condition]}})
        name = api_service["metadata"]["name"]
        request = Request("update", API_SERVICES, name=name, subresource="status", user_agent=NAME)
        context = RequestContext(self._server.sim, request, API_SERVER)
        await change(self._registry, context, always(changed), finish_status_update)


def unavailable(request: Request) -> ServiceUnavailableError:
    """Nobody answers for a group that exists."""
    resource = f"{request.verb} {request.resource.qualified}"
    return ServiceUnavailableError(f"the server is currently unable to handle the request ({resource})")
