"""The apiserver: the way of a request from its sender to the store and back.

handle():  authentication → authorization → the handler of (resource, subresource, verb): decoding, mutating
admission, the strategy's preparation, validation, validating admission, storage.
watch():   the same up to authorization, then a stream out of the watch cache.

Everything is generic: a kind is a row of `kubesim.api.resources` and, where it has rules of its own, a strategy
(strategies.py). HTTP is an adapter in front of this, as the in-process transport is.

Upstream: k8s.io/apiserver/pkg/server, pkg/controlplane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

import msgspec

from kubesim.api.errors import (
    AlreadyExistsError,
    ApiError,
    MethodNotSupportedError,
    NotFoundError,
    ServerTimeoutError,
    conflict,
)
from kubesim.api.resources import (
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    PODS,
    PRIORITY_CLASSES,
    RESOURCE_QUOTAS,
    RESOURCES,
    RUNTIME_CLASSES,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from kubesim.api.schema import Schema
from kubesim.api.session import Session
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust, virtual_trust
from kubesim.api.wire import BearerToken, Credential, Options, Request, Response, WatchStream
from kubesim.apiserver.admission import DEFAULT_PLUGINS, MakePlugin
from kubesim.apiserver.admission.chain import AdmissionChain
from kubesim.apiserver.aggregation import Aggregation
from kubesim.apiserver.auth.boot import follow, follow_pods, write_policy
from kubesim.apiserver.auth.guards import guards
from kubesim.apiserver.auth.policy import bootstrap_objects
from kubesim.apiserver.auth.rbac import RBAC_KINDS, RbacIndex
from kubesim.apiserver.auth.service_account_tokens import ServiceAccountTokens
from kubesim.apiserver.authn import API_SERVER, Authenticator, User
from kubesim.apiserver.authz import Authorizer
from kubesim.apiserver.boot import boot_objects
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.crd.catalogue import Catalogue
from kubesim.apiserver.crd.custom_registries import custom_registries, version_of
from kubesim.apiserver.crd.serving import Definitions
from kubesim.apiserver.decoding import Decoder
from kubesim.apiserver.kubelet_client import KubeletClient
from kubesim.apiserver.registry.creation import create
from kubesim.apiserver.registry.listing import catch_up
from kubesim.apiserver.registry.registry import Registry
from kubesim.apiserver.registry.service import ServiceStrategy
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.watching import watch
from kubesim.apiserver.routes import STREAMING, Handler, RouteKey, connector_of, routes_of
from kubesim.apiserver.storage import OutdatedError
from kubesim.apiserver.strategies import strategy_for
from kubesim.apiserver.subresources.connecting import Connecting
from kubesim.apiserver.system_objects import write_system_objects
from kubesim.etcd.client import EtcdClient
from kubesim.etcd.errors import EtcdError
from kubesim.sim import Simulation, Tasks

# What admission plugins look up.
LOOKED_AT = (NAMESPACES, SERVICE_ACCOUNTS, PRIORITY_CLASSES, LIMIT_RANGES, RESOURCE_QUOTAS, RUNTIME_CLASSES)
OWN_OPTIONS = Options(field_manager="kube-apiserver")
BOOKMARK_SECONDS = 60.0
UNKNOWN_RESOURCE = "the server could not find the requested resource"
UNKNOWN_METHOD = "the server does not allow this method on the requested resource"


class ApiServer:
    """One apiserver on one etcd. `start` before anything else.

    `plugins` are the admission plugins in order; `authorizer` and `authenticator` replace the usual ones;
    `resources` are the kinds that it serves. `writes_policy`: the bootstrap roles and bindings are stored as objects,
    and so is what the server says about itself; else the authorizer only knows the roles. `trust` is what tokens are
    signed with.
    """

    def __init__(
        self,
        sim: Simulation,
        etcd: EtcdClient,
        *,
        name: str = "apiserver",
        address: str = "192.0.2.1",
        plugins: Sequence[MakePlugin] = DEFAULT_PLUGINS,
        authenticator: Authenticator | None = None,
        authorizer: Authorizer | None = None,
        writes_policy: bool = False,
        trust: Trust | None = None,
        resources: Iterable[Resource] = RESOURCES,
        schema: Schema | None = None,
    ) -> None:
        self.sim = sim
        self.name = name
        self.schema = schema or Schema.load()
        self.registries: dict[tuple[str, str], Registry] = {}
        self._etcd = etcd
        self._address = address
        self._authenticator = authenticator or Authenticator()
        self._writes_policy = writes_policy
        self._authorizer = authorizer or Authorizer(RbacIndex(() if writes_policy else bootstrap_objects()))
        self._authorizer.look_up(self.latest)
        self.authority = trust.authority if trust is not None else ""
        self.tokens = ServiceAccountTokens(sim, (trust or virtual_trust(sim.chance.seed)).signer, self.latest)
        self._authenticator.accept(self.tokens)
        self._plugins = [make(self.latest, self.all_latest) for make in plugins]
        self._plugins += guards(self.latest, self.all_latest, self._authorizer)
        for plugin in self._plugins:
            plugin.connect(self.replace)
            plugin.authorize = self.authorize
            plugin.served = self._served
            plugin.schema = self.schema
        self._routes: dict[RouteKey, tuple[Handler, Registry]] = {}
        self._tasks = Tasks(name)
        self.catalogue = Catalogue()  # What this server serves, custom resources included.
        self._kubelets = KubeletClient(sim, name, lambda node: self.latest(NODES, node))
        self._definitions = Definitions(self, self.catalogue, self._tasks)
        self._aggregation = Aggregation(self, self.catalogue, self._tasks)
        for resource in resources:
            self.install(resource)

    async def start(self) -> None:
        """Reads what etcd has, follows it, and creates what every cluster has."""
        for registry in list(self.registries.values()):
            await self._follow(registry)
        await self._definitions.start()
        self._aggregation.start()
        self._tasks.spawn(self._send_bookmarks(), "bookmarks")
        self._learn()
        if self._writes_policy:
            await write_policy(self)
            await write_system_objects(self)
        for resource, obj in boot_objects(self._address):
            await self._create_missing(resource, obj)

    async def stop(self) -> None:
        """Ends every watch and stops following etcd."""
        for registry in self.registries.values():
            registry.cache.close()
        await self._tasks.stop()

    async def handle(self, request: Request) -> Response:
        """Any verb but watch."""
        resource = request.resource
        route: RouteKey = (resource.group, resource.plural, request.subresource, request.verb)
        found = self._routes.get(route)
        user = self._authenticator.authenticate(request.credential)
        self._authorizer.authorize(user, request)
        if found is None:
            if self._aggregation.serves(resource):
                return await self._aggregation.forward(request)
            raise self._no_route(request)
        handler, registry = found
        if registry.versions is not None:
            registry = version_of(registry, request)
        try:
            return await handler(registry, RequestContext(self.sim, request, user))
        except EtcdError as error:
            raise refusal_of(error) from error

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch."""
        user = self._authenticator.authenticate(request.credential)
        self._authorizer.authorize(user, request)
        registry = self.registries.get((request.resource.group, request.resource.plural))
        if registry is None or request.subresource:
            raise self._no_route(request)
        if registry.versions is not None:
            registry = version_of(registry, request)
        try:
            return await watch(registry, RequestContext(self.sim, request, user), self._etcd)
        except EtcdError as error:
            raise refusal_of(error) from error

    async def connect(self, request: Request) -> Session:
        """Connects to what runs on a node: log, exec, attach, portforward, proxy."""
        user = self._authenticator.authenticate(request.credential)
        self._authorizer.authorize(user, request)
        connector = connector_of(request.resource, request.subresource)
        registry = self.registries.get((request.resource.group, request.resource.plural))
        if connector is None or registry is None:
            raise self._no_route(request)
        if request.subresource in STREAMING:  # A WebSocket begins with GET, but to do something is not to read.
            self._authorizer.authorize(user, msgspec.structs.replace(request, verb="create"))
        elif request.subresource == "log" and request.verb != "get":
            raise MethodNotSupportedError(UNKNOWN_METHOD)
        return await connector(Connecting(self.sim, request, registry, self._kubelets, self.latest, self.all_latest))

    def authenticate(self, credential: Credential) -> User:
        """Who is behind a credential: for what is asked beside resources."""
        return self._authenticator.authenticate(credential)

    @property
    def authorizer(self) -> Authorizer:
        """Who decides, for those who want to know why."""
        return self._authorizer

    def review_token(self, token: BearerToken, audiences: tuple[str, ...]) -> tuple[User, tuple[str, ...]]:
        """Whose token it is, and for which of the audiences (none: the server itself) it is good."""
        return self._authenticator.review(token, audiences)

    def authorize(self, user: User, request: Request) -> None:
        """ForbiddenError if the user may not do what the request says; nothing is done."""
        self._authorizer.authorize(user, request)

    def install(self, resource: Resource) -> Registry:
        """Begins to serve a kind; on a running server, `follow` comes next."""
        registry = self.make_registry(strategy_for(resource, self.sim), Decoder(resource, self.schema))
        self.registries[resource.group, resource.plural] = registry
        if resource in RBAC_KINDS:
            follow(registry.cache, self._authorizer.index)
        if resource == PODS:
            follow_pods(registry.cache, self._authorizer.node_pods)
        for route, handler in routes_of(resource).items():
            self._routes[route] = (handler, registry)
        if resource == SERVICE_ACCOUNTS:
            self._routes["", resource.plural, "token", "create"] = (self.tokens.request, registry)
        return registry

    async def install_custom(self, definition: Object) -> None:
        """Begins to serve what a definition defines, or goes on with what it says now."""
        made = custom_registries(self, definition)
        if made is None:
            return
        row = made.resource
        is_new = (row.group, row.plural) not in self.registries
        if is_new:
            await self._follow(made)
        self.registries[row.group, row.plural] = made
        for version in (made.versions or {}).values():
            for route, handler in routes_of(version.resource).items():
                self._routes[route] = (handler, made)

    def remove_custom(self, name: str) -> None:
        """Ends serving what a definition called PLURAL.GROUP has defined."""
        plural, _, group = name.partition(".")
        registry = self.registries.get((group, plural))
        if registry is None or not registry.resource.custom:
            return
        del self.registries[group, plural]
        self._routes = {route: found for route, found in self._routes.items() if route[:2] != (group, plural)}
        registry.cache.close()

    def make_registry(self, strategy: Strategy, decoder: Decoder, shares: Registry | None = None) -> Registry:
        """A registry with this server's admission and etcd."""
        chain = AdmissionChain(strategy.resource, self._plugins)
        return Registry(self.sim, self._etcd, strategy, decoder, chain, self, shares)

    def latest(self, resource: Resource, name: str, namespace: str = "") -> Stored | None:
        """The newest revision of an object that this server knows of."""
        registry = self.registries.get((resource.group, resource.plural))
        return registry.latest(name, namespace) if registry is not None else None

    def all_latest(self, resource: Resource) -> Collection[Stored]:
        """The same of all objects of a resource. It stays up to date, as long as the resource is served."""
        registry = self.registries.get((resource.group, resource.plural))
        return registry.storage.latest.values() if registry is not None else ()

    async def replace(self, context: RequestContext, resource: Resource, current: Stored, obj: Object) -> Stored:
        """Writes an object of the server's own accord; ConflictError if `current` is not the newest any more."""
        registry = self.registries[resource.group, resource.plural]
        try:
            return await registry.storage.update(current, {**obj, "metadata": dict(obj["metadata"])}, context)
        except OutdatedError as error:
            raise conflict(resource, current.name) from error

    def _served(self) -> list[Resource]:
        return [registry.resource for registry in self.registries.values()]

    async def catch_up(self) -> None:
        """Waits until what admission looks at is as new as etcd."""
        for resource in LOOKED_AT:
            registry = self.registries.get((resource.group, resource.plural))
            if registry is not None:
                await catch_up(registry, "")

    async def _follow(self, registry: Registry) -> None:
        await registry.cache.fill()
        name = registry.resource.qualified
        self._tasks.spawn(registry.cache.run(), f"watch-cache/{name}")

    async def _send_bookmarks(self) -> None:
        """Once a minute, to every watcher that asked for it and has seen nothing newer."""
        while True:
            await asyncio.sleep(BOOKMARK_SECONDS)
            for registry in list(self.registries.values()):
                registry.cache.send_bookmarks()

    def _learn(self) -> None:
        """Services that exist hold addresses."""
        registry = self.registries.get((SERVICES.group, SERVICES.plural))
        if registry is not None and isinstance(registry.strategy, ServiceStrategy):
            registry.strategy.learn([stored.object for stored in registry.cache.ordered()])

    async def _create_missing(self, resource: Resource, obj: dict[str, object]) -> None:
        registry = self.registries.get((resource.group, resource.plural))
        metadata = obj["metadata"]
        assert isinstance(metadata, dict), "boot objects have metadata"
        namespace: str = metadata.get("namespace", "")
        if registry is None or registry.latest(metadata["name"], namespace) is not None:
            return
        request = Request("create", resource, namespace, body=obj, options=OWN_OPTIONS, user_agent=self.name)
        context = RequestContext(self.sim, request, API_SERVER)
        try:
            await create(registry, context)
        except AlreadyExistsError:
            return  # Another server was faster.

    def _no_route(self, request: Request) -> ApiError:
        resource = request.resource
        subresource = request.subresource
        if self._aggregation.serves(resource):
            return MethodNotSupportedError(UNKNOWN_METHOD)
        known = (resource.group, resource.plural) in self.registries
        if known and any(key[:3] == (resource.group, resource.plural, subresource) for key in self._routes):
            return MethodNotSupportedError(UNKNOWN_METHOD)
        return NotFoundError(UNKNOWN_RESOURCE)


def refusal_of(error: EtcdError) -> ApiError:
    """What a client hears when etcd refuses or does not answer."""
    if not error.definite:
        return ServerTimeoutError(str(error))
    return ApiError(str(error))
