"""Definitions to test with, and a server that serves them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.custom_resources import rows_of
from kubesim.api.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubesim.api.stored import Object

SPEC: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "color": {"type": "string", "default": "red", "enum": ["red", "green", "blue"]},
        "replicas": {"type": "integer", "default": 1},
    },
}


def definition(plural: str = "vases", kind: str = "Vase", spec: Object = SPEC, **version: Any) -> Object:
    """A definition in the group example.com with the version v1."""
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object", "properties": {
        "replicas": {"type": "integer"}}}}}  # fmt: skip
    v1: Object = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                                                 "statusReplicasPath": ".status.replicas"}},
        **version,
    }  # fmt: skip
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [v1],
        },
    }


def vase(name: str = "one", api_version: str = "example.com/v1", **spec: Any) -> Object:
    """An object of that kind."""
    return {"apiVersion": api_version, "kind": "Vase", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


async def define(api: Any, obj: Object | None = None) -> Resource:
    """Creates a definition and waits until it is served; the row of its preferred version."""
    obj = obj or definition()
    await api.create(CUSTOM_RESOURCE_DEFINITIONS, obj, namespace="")
    await asyncio.sleep(0.01)
    found = await api.get(CUSTOM_RESOURCE_DEFINITIONS, obj["metadata"]["name"], namespace="")
    return rows_of(found.object)[0]


@pytest.fixture
def definitions() -> Any:
    """The helpers above."""

    class Helpers:
        make = staticmethod(definition)
        vase = staticmethod(vase)
        define = staticmethod(define)

    return Helpers
