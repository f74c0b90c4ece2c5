"""One registry for each served version of a custom resource; all versions share storage and watch cache.

A version has its own schema, and so its own way to decode and validate. Objects are stored in one version; since
nothing but apiVersion differs (conversion None), any of them can be read as any other.

Upstream: getOrCreateServingInfoFor in pkg/apiserver/customresource_handler.go of k8s.io/apiextensions-apiserver.
Left out: conversion by webhook.
"""

from __future__ import annotations

from kubesim.api.custom_resources import TERMINATING, is_true, storage_row, storage_version
from kubesim.api.errors import MethodNotSupportedError, NotFoundError
from kubesim.api.stored import Object
from kubesim.api.wire import Request
from kubesim.apiserver.crd.decoder import CustomDecoder
from kubesim.apiserver.crd.strategy import CustomStrategy
from kubesim.apiserver.crd.version import CustomVersion, versions_of
from kubesim.apiserver.host import Host
from kubesim.apiserver.registry.registry import Registry

UNKNOWN_RESOURCE = "the server could not find the requested resource"


def custom_registries(server: Host, definition: Object) -> Registry | None:
    """The registry of the storage version, with those of all served versions; None if a built-in kind is in the way."""
    row = storage_row(definition)
    known = server.registries.get((row.group, row.plural))
    if known is not None and not known.resource.custom:
        return None
    versions = versions_of(definition)
    served: dict[str, Registry] = {}
    shares = known
    for name, version in versions.items():
        served[name] = _registry(server, version, shares)
        shares = shares or served[name]
    stored = served.get(storage_version(definition["spec"]))
    if stored is None:  # The storage version itself is not served.
        stored = _registry(server, CustomVersion(row, row.api_version, {}), shares)
    stored.versions = served
    stored.is_terminating = is_true(definition, TERMINATING)
    stored.storage.resource = stored.cache.resource = row
    return stored


def _registry(server: Host, version: CustomVersion, shares: Registry | None) -> Registry:
    return server.make_registry(CustomStrategy(version), CustomDecoder(version, server.schema), shares)


def version_of(registry: Registry, request: Request) -> Registry:
    """The registry for the version that a request speaks; NotFoundError if it is not served."""
    assert registry.versions is not None, "only custom resources have versions here"
    found = registry.versions.get(request.resource.version)
    if found is None or (request.subresource and request.subresource not in found.resource.subresources):
        raise NotFoundError(UNKNOWN_RESOURCE)
    if registry.is_terminating and request.verb == "create":
        raise MethodNotSupportedError("create not allowed while custom resource definition is terminating")
    return found
