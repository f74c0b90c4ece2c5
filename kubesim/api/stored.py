"""One revision of one object: the handle that travels store → watch cache → transport → informer.

It is passed by reference and never changes. The object is a plain dict that nobody may mutate (change a
copy, see `kubesim.api.meta`); its JSON is made once; typed views are made once per type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from kubesim.api.views.base import read

View = TypeVar("View")
Object = dict[str, Any]


class Stored:
    """An object as it was at `revision`.

    `revision` is the etcd revision that wrote it (of a DELETED event: of the deletion) and equals
    `metadata.resourceVersion`. `key` is "namespace/name", or "name" for a cluster-scoped object.
    """

    __slots__ = ("_derived", "_encoded", "_views", "key", "name", "namespace", "object", "revision", "uid")

    def __init__(self, revision: int, object: Object, encoded: bytes | None = None) -> None:  # noqa: A002
        metadata = object["metadata"]
        self.revision = revision
        self.object = object
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace", "")
        self.uid: str = metadata.get("uid", "")
        self.key = f"{self.namespace}/{self.name}" if self.namespace else self.name
        self._encoded = encoded
        self._views: dict[type, Any] | None = None
        self._derived: dict[Callable[[Stored], Any], Any] | None = None

    @property
    def encoded(self) -> bytes:
        """The object's JSON, resourceVersion included."""
        if self._encoded is None:
            self._encoded = orjson.dumps(self.object)
        return self._encoded

    def view(self, type_: type[View]) -> View:
        """The object as a frozen typed struct of `kubesim.api.views`, made at the first call."""
        views = self._views
        if views is None:
            views = self._views = {}
        view = views.get(type_)
        if view is None:
            view = views[type_] = read(self.object, type_)
        typed: View = view
        return typed

    def derived(self, make: Callable[[Stored], View]) -> View:
        """What a function of this revision alone makes of it, made at the first call."""
        derived = self._derived
        if derived is None:
            derived = self._derived = {}
        found = derived.get(make)
        if found is None:
            found = derived[make] = make(self)
        typed: View = found
        return typed

    def __repr__(self) -> str:
        return f"<Stored {self.object.get('kind', '')} {self.key} @{self.revision}>"
