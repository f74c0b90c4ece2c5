"""From what the server answers to bytes. Objects were encoded when they were written: lists splice those bytes.

A list of a real server leaves kind and apiVersion out of its items, since the list says them; so do we, by
cutting the beginning off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from kubesim.api.errors import ApiError
from kubesim.api.resources import Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import BOOKMARK, Response, WatchEvent

# How one object looks in an answer; None: as it is.
Render = Callable[[Stored], Object]


def encode(obj: Any) -> bytes:
    """JSON with the newline at its end that the real server sends."""
    return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE)


def one(response: Response, render: Render | None = None) -> bytes:
    """The answer to anything but list and watch."""
    if response.stored is None:
        return encode(response.status)
    if render is not None:
        return encode(render(response.stored))
    return response.stored.encoded + b"\n"


def list_of(resource: Resource, response: Response) -> bytes:
    """A list of whole objects."""
    begin = type_meta(resource.kind, resource.api_version)
    length = len(begin)
    items = []
    for stored in response.items:
        encoded = stored.encoded
        items.append(b"{" + encoded[length:] if encoded.startswith(begin) else encoded)
    head = orjson.dumps(list_head(resource.list_kind, resource.api_version, response))
    return b"%b,%b[%b]}\n" % (head[:-1], b'"items":', b",".join(items))


def list_head(kind: str, api_version: str, response: Response) -> Object:
    """A list without its items."""
    metadata: Object = {"resourceVersion": str(response.revision)} if response.revision else {}
    if response.continue_:
        metadata["continue"] = response.continue_
    if response.remaining_item_count is not None:
        metadata["remainingItemCount"] = response.remaining_item_count
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata}


def type_meta(kind: str, api_version: str) -> bytes:
    """How the bytes of every object of a kind begin."""
    return b'{"kind":"%b","apiVersion":"%b",' % (kind.encode(), api_version.encode())


def watch_lines(events: Sequence[WatchEvent], render: Render | None = None) -> bytes:
    """Watch events as they go over the wire, a line each."""
    lines = []
    for event in events:
        if render is None or event.type == BOOKMARK:
            encoded = event.stored.encoded
        else:
            encoded = orjson.dumps(render(event.stored))
        lines.append(b'{"type":"%b","object":%b}\n' % (event.type.encode(), encoded))
    return b"".join(lines)


def error_line(error: ApiError) -> bytes:
    """The event that ends a watch badly."""
    return b'{"type":"ERROR","object":%b}\n' % orjson.dumps(error.status())


def partial(stored: Stored) -> Object:
    """An object reduced to what all kinds have."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": stored.object["metadata"],
    }
