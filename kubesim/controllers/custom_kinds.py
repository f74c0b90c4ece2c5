"""The kinds that CustomResourceDefinitions add, for controllers that have to know every kind.

The real ones ask discovery every 30 s; here they follow the definitions themselves.
Upstream: GetDeletableResources in pkg/controller/garbagecollector, and the namespace controller's discovery.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.custom_resources import rows_of
from kubesim.api.resources import BY_KIND, CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubesim.api.stored import Stored
from kubesim.client.informer import Informers

OnRow = Callable[[Resource], None]


class CustomKinds:
    """Every kind by apiVersion and kind; those of definitions as far as they are established."""

    def __init__(self, informers: Informers) -> None:
        self._definitions = informers.of(CUSTOM_RESOURCE_DEFINITIONS)

    def rows(self) -> list[Resource]:
        """One row for each custom resource: its preferred version."""
        found = (rows_of(stored.object) for stored in self._definitions.list())
        return [rows[0] for rows in found if rows]

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The row of a kind, None if nobody serves it."""
        row = BY_KIND.get((api_version, kind))
        if row is not None:
            return row
        for stored in self._definitions.list():
            for custom in rows_of(stored.object):
                if (custom.api_version, custom.kind) == (api_version, kind):
                    return custom
        return None

    def follow(self, on_row: OnRow, on_gone: OnRow) -> None:
        """Tells of every custom resource that is served from now on, and of those that are no longer."""
        known: dict[str, Resource] = {}

        def changed(stored: Stored) -> None:
            rows = rows_of(stored.object)
            row, old = rows[0] if rows else None, known.get(stored.name)
            if row == old:
                return
            if old is not None:
                on_gone(known.pop(stored.name))
            if row is not None:
                known[stored.name] = row
                on_row(row)

        def deleted(stored: Stored) -> None:
            if (row := known.pop(stored.name, None)) is not None:
                on_gone(row)

        self._definitions.add_handler(on_add=changed, on_update=lambda _old, stored: changed(stored), on_delete=deleted)
