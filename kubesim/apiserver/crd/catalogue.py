"""What one server serves: the built-in kinds, those of its custom resource definitions, and those of other servers.

Paths, discovery, OpenAPI and tables read this; the table of kinds itself is the same for every server.
Upstream: the discovery and OpenAPI controllers of k8s.io/apiextensions-apiserver, merged by kube-aggregator.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.api.custom_resources import priority_of, rows_of
from kubesim.api.resources import API_GROUPS, BY_PLURAL, Resource, resources_of_group
from kubesim.api.stored import Object
from kubesim.apiserver.crd.version import CustomVersion, versions_of


class Catalogue:
    """The kinds of one server. `edition` counts the changes."""

    def __init__(self) -> None:
        self.edition = 0
        self._by_definition: dict[str, dict[str, CustomVersion]] = {}
        self._by_plural: dict[tuple[str, str], CustomVersion] = {}
        self._passed_on: dict[tuple[str, str], tuple[Resource, ...]] = {}  # By group and version; () while unavailable.

    def put(self, name: str, definition: Object | None) -> None:
        """A definition appeared, changed or (None) is gone; what is not established is not served."""
        versions = versions_of(definition) if definition is not None and rows_of(definition) else {}
        if versions == self._by_definition.get(name, {}):
            return
        self.edition += 1
        self._by_definition[name] = versions
        if not versions:
            del self._by_definition[name]
        self._by_plural = {
            (version.resource.api_version, version.resource.plural): version
            for key in sorted(self._by_definition)
            for version in self._by_definition[key].values()
        }

    def pass_on(self, group: str, version: str, rows: tuple[Resource, ...] | None) -> None:
        """Another server serves a group and version; with () it cannot be reached now, with None it does no more."""
        key = (group, version)
        if self._passed_on.get(key) == rows:
            return
        self.edition += 1
        self._passed_on.pop(key, None)
        if rows is not None:
            self._passed_on[key] = rows

    def is_stale(self, group: str, version: str) -> bool:
        """Whether the server of a group and version cannot be reached."""
        return self._passed_on.get((group, version)) == ()

    def find(self, api_version: str, plural: str) -> Resource | None:
        """The row of a resource, None if there is no such."""
        built_in = BY_PLURAL.get((api_version, plural))
        if built_in is not None:
            return built_in
        custom = self._by_plural.get((api_version, plural))
        if custom is not None:
            return custom.resource
        group, _, version = api_version.rpartition("/")
        return next((row for row in self._passed_on.get((group, version), ()) if row.plural == plural), None)

    def custom(self, resource: Resource) -> CustomVersion | None:
        """What is known of a custom version; None for a kind that is built in (or gone)."""
        return self._by_plural.get((resource.api_version, resource.plural)) if resource.custom else None

    def customs(self, group: str, version: str) -> list[CustomVersion]:
        """The custom versions of one group and version, by plural."""
        found = [custom for custom in self._by_plural.values()
                 if (custom.resource.group, custom.resource.version) == (group, version)]  # fmt: skip
        return sorted(found, key=lambda custom: custom.resource.plural)

    def groups(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        """All groups but the core one, with their versions, the preferred one first."""
        groups = {group: list(versions) for group, versions in API_GROUPS if group}
        added: dict[str, set[str]] = {}
        for custom in self._by_plural.values():
            added.setdefault(custom.resource.group, set()).add(custom.resource.version)
        for group, version in self._passed_on:
            added.setdefault(group, set()).add(version)
        for group in sorted(added):
            known = groups.setdefault(group, [])
            known += sorted(added[group] - set(known), key=priority_of, reverse=True)
        return [(group, tuple(versions)) for group, versions in groups.items()]

    def resources(self, group: str, version: str) -> tuple[Resource, ...]:
        """All resources of a group and version."""
        customs = tuple(row.resource for row in self.customs(group, version))
        return resources_of_group(group, version) + customs + self._passed_on.get((group, version), ())
