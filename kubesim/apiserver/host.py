"""What the parts of an apiserver may know of the server that they are in, and ask of it.

The server is put together from them, so they do not import it. Upstream: GenericAPIServer in
k8s.io/apiserver/pkg/server, which its post-start hooks are handed.
"""

from __future__ import annotations

from typing import Protocol

from kubesim.api.schema import Schema
from kubesim.api.stored import Object
from kubesim.apiserver.authz import Authorizer
from kubesim.apiserver.decoding import Decoder
from kubesim.apiserver.registry.registry import Peers, Registry
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.sim import Simulation


class Host(Peers, Protocol):
    """One apiserver, as its parts see it."""

    sim: Simulation
    name: str
    schema: Schema
    registries: dict[tuple[str, str], Registry]
    authority: str

    @property
    def authorizer(self) -> Authorizer:
        """Who decides."""
        ...

    def make_registry(self, strategy: Strategy, decoder: Decoder, shares: Registry | None = None) -> Registry:
        """A registry with the server's admission and etcd."""
        ...

    async def install_custom(self, definition: Object) -> None:
        """Begins to serve what a definition defines, or goes on with what it says now."""
        ...

    def remove_custom(self, name: str) -> None:
        """Ends serving what a definition called PLURAL.GROUP has defined."""
        ...
