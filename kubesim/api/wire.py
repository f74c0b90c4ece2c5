"""What crosses between a client and an apiserver: requests, responses, watch events, and the seam itself.

Everything that talks to an apiserver does it through `Transport`: in process without copying, over HTTP, or
through a wrapper that injects trouble. Requests are structured rather than paths and query strings; the
HTTP adapters translate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from kubesim.api.resources import Resource
from kubesim.api.session import Session
from kubesim.api.stored import Object, Stored
from kubesim.sim import Cause

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"
BOOKMARK = "BOOKMARK"

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ClientCertificate(msgspec.Struct, frozen=True, cache_hash=True):
    """Who somebody is by certificate: the common name is the user, the organisations are its groups."""

    common_name: str
    organizations: tuple[str, ...] = ()
    digest: str = ""  # SHA-256 of the certificate, which the server shows as the credential's id.


class BearerToken(msgspec.Struct, frozen=True, cache_hash=True):
    """Who somebody is by token."""

    token: str


class Identity(msgspec.Struct, frozen=True, cache_hash=True):
    """Who somebody acts as whom the server itself vouches for: an impersonated user. Nothing is added to it."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


Credential = ClientCertificate | BearerToken | Identity | None


class Options(msgspec.Struct, frozen=True):
    """The query of a request; each verb reads its own (ListOptions, CreateOptions, … of meta/v1)."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: int | None = None
    allow_watch_bookmarks: bool = False
    send_initial_events: bool = False
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = ""  # "", Strict, Warn or Ignore; "" means Warn, as the real server's default
    force: bool = False


NO_OPTIONS = Options()


class Request(msgspec.Struct, frozen=True):
    """One call to the apiserver.

    `verb` is Kubernetes' own: get, list, watch, create, update, patch, delete, deletecollection. `body` is
    the object (create, update), the patch (patch: a dict, or a list for JSON patch) or DeleteOptions; for a
    subresource that is connected to (log, exec, …) its options: PodLogOptions, PodExecOptions, ….
    """

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Any = None
    patch_type: str = ""
    options: Options = NO_OPTIONS
    credential: Credential = None
    user_agent: str = ""
    causes: tuple[Cause, ...] = ()


class Response(msgspec.Struct, frozen=True):
    """What came of a request that succeeded; a refused one raises `kubesim.api.errors.ApiError`.

    `stored` is the object of get, create, update, patch and delete; None where the answer is a Status
    (then `status` holds it). `items`, `revision`, `continue_` and `remaining_item_count` belong to a list.
    """

    code: int = 200
    stored: Stored | None = None
    status: Object | None = None
    items: Sequence[Stored] = ()
    revision: int = 0
    continue_: str = ""
    remaining_item_count: int | None = None
    warnings: tuple[str, ...] = ()


class WatchEvent(msgspec.Struct, frozen=True):
    """One line of a watch. A BOOKMARK carries an object with only kind and resourceVersion."""

    type: str
    stored: Stored


class WatchStream(Protocol):
    """The receiving end of a watch."""

    async def next(self) -> Sequence[WatchEvent]:
        """Waits for events and returns all that are there, in order; empty when the server ended the watch.

        Raises ApiError as the server's ERROR event says (ExpiredError: list again).
        """
        ...

    def close(self) -> None:
        """Stops watching. `next` returns empty from then on."""
        ...


Receive = Callable[[Sequence[WatchEvent]], None]


@runtime_checkable
class PushingStream(WatchStream, Protocol):
    """A stream that can also hand its events over by itself, without waking a task for each batch."""

    async def push_to(self, receive: Receive, may_push: Callable[[], bool]) -> None:
        """Calls `receive` with all that comes, for as long as nothing unusual happens and `may_push()`.

        When it returns, `next` goes on where it stopped, and tells what the matter is.
        """
        ...


class Transport(Protocol):
    """The way to an apiserver."""

    async def request(self, request: Request) -> Response:
        """Any verb but watch. Raises ApiError when refused, `TransportError` when unreachable."""
        ...

    async def watch(self, request: Request) -> WatchStream:
        """Begins a watch; the stream's first `next` may already raise."""
        ...

    async def connect(self, request: Request) -> Session:
        """Connects to a process behind the apiserver: log, exec, attach, portforward, proxy. Raises as `request`."""
        ...
