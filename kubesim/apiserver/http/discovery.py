"""Discovery: which groups, versions and resources there are, and what can be done with each.

kubectl asks for everything at once (aggregated discovery); older clients ask group by group.
Upstream: k8s.io/apiserver/pkg/endpoints/discovery, and .../discovery/aggregated.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.apiserver.crd.catalogue import Catalogue

CHANGE = ("get", "patch", "update")
PROXY = ("create", "delete", "get", "patch", "update")
STREAM = ("create", "get")


class Part(NamedTuple):
    """A subresource: its verbs, and the kind that it speaks where that is not the resource's own."""

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


PARTS: dict[str, Part] = {
    "status": Part(CHANGE),
    "scale": Part(CHANGE, "Scale", "autoscaling", "v1"),
    "approval": Part(CHANGE),
    "ephemeralcontainers": Part(CHANGE),
    "resize": Part(CHANGE),
    "finalize": Part(("update",)),
    "log": Part(("get",)),
    "binding": Part(("create",), "Binding"),
    "eviction": Part(("create",), "Eviction", "policy", "v1"),
    "token": Part(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
    "attach": Part(STREAM, "PodAttachOptions"),
    "exec": Part(STREAM, "PodExecOptions"),
    "portforward": Part(STREAM, "PodPortForwardOptions"),
}


def part_of(resource: Resource, subresource: str) -> Part:
    """A subresource of a resource."""
    if subresource == "proxy":
        return Part(PROXY, f"{resource.kind}ProxyOptions")
    return PARTS[subresource]


def verbs_of(resource: Resource) -> list[str]:
    """Sorted, but for custom resources; a namespace is never deleted with all others."""
    if resource.custom:
        return list(resource.verbs)
    return sorted(verb for verb in resource.verbs if (resource.plural, verb) != ("namespaces", "deletecollection"))


class Discovery:
    """The documents for one set of resources, which may change while the server runs (custom resources)."""

    def __init__(self, address: str, catalogue: Catalogue) -> None:
        self._address = address
        self._catalogue = catalogue

    def groups(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        """All groups but the core one, with their versions, the preferred one first."""
        return self._catalogue.groups()

    def resources(self, group: str, version: str) -> tuple[Resource, ...]:
        """All resources of a group and version."""
        return self._catalogue.resources(group, version)

    # -- the older documents --------------------------------------------------------------------------

    def versions(self) -> Object:
        """`/api`."""
        where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}

    def group_list(self) -> Object:
        """`/apis`."""
        groups = [_group(name, versions) for name, versions in self.groups()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> Object | None:
        """`/apis/apps`."""
        for group, versions in self.groups():
            if group == name:
                return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}
        return None

    def resource_list(self, group: str, version: str) -> Object | None:
        """`/api/v1`, `/apis/apps/v1`."""
        rows = self.resources(group, version)
        if not rows:
            return None
        entries = [entry for resource in rows for entry in _entries(resource)]
        group_version = f"{group}/{version}" if group else version
        head: Object = {"kind": "APIResourceList"}
        if group:
            head["apiVersion"] = "v1"
        return {**head, "groupVersion": group_version, "resources": entries}

    # -- everything at once ---------------------------------------------------------------------------

    def aggregated(self, *, core: bool) -> Object:
        """`/api` or `/apis` as an APIGroupDiscoveryList."""
        groups = [("", ("v1",))] if core else self.groups()
        items = [self._aggregated_group(group, versions) for group, versions in groups]
        return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}

    def _aggregated_group(self, group: str, versions: Sequence[str]) -> Object:
        metadata: Object = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        entries = [
            {
                "version": version,
                "resources": [_aggregated(resource) for resource in self.resources(group, version)],
                "freshness": "Stale" if self._catalogue.is_stale(group, version) else "Current",
            }
            for version in versions
        ]
        return {"metadata": metadata, "versions": entries}


def _group(name: str, versions: Sequence[str]) -> Object:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _entries(resource: Resource) -> list[Object]:
    """A resource and its subresources as an APIResourceList has them."""
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs_of(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if "watch" in resource.verbs:
        entry["storageVersionHash"] = storage_version_hash(resource)
    entries = [entry]
    for name in sorted(resource.subresources):
        part = part_of(resource, name)
        more: Object = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
        if part.version:
            more["group"], more["version"] = part.group, part.version
        more["kind"] = part.kind or resource.kind
        more["verbs"] = list(part.verbs)
        entries.append(more)
    return entries


def _aggregated(resource: Resource) -> Object:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    entry: Object = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": verbs_of(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [_aggregated_part(resource, name) for name in sorted(resource.subresources)]
    return entry


def _aggregated_part(resource: Resource, name: str) -> Object:
    part = part_of(resource, name)
    group, version = (part.group, part.version) if part.version else (resource.group, resource.version)
    kind = {"group": group, "version": version, "kind": part.kind or resource.kind}
    return {"subresource": name, "responseKind": kind, "verbs": list(part.verbs)}


def storage_version_hash(resource: Resource) -> str:
    """By which a migrator sees that the stored form of a kind has changed."""
    text = f"{resource.stored_as or resource.api_version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.removeprefix("/").encode()).digest()[:8]).decode()
