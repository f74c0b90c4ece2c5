"""Creates and deletes Pods on behalf of an owner, and says so in events about it.

Upstream: RealPodControl in pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import owner_reference
from kubesim.api.resources import PODS
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.controllers.ownership import is_namespace_terminating


class PodControl:
    """The Pods' side of a controller."""

    def __init__(self, client: Client, recorder: EventRecorder) -> None:
        self._client = client
        self._recorder = recorder

    async def create(self, owner: Stored, template: Object) -> Stored:
        """Makes a Pod from a template; `template` is what `pod_from_template` returned."""
        try:
            pod = await self._client.create(PODS, template, owner.namespace)
        except (ApiError, TransportError) as error:
            if not is_namespace_terminating(error):
                self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod.name}")
        return pod

    async def delete(self, owner: Stored, pod: Stored) -> Stored | None:
        """Deletes a Pod with its own grace period; the terminating Pod if it still exists."""
        try:
            remaining = await self._client.delete(PODS, pod.name, pod.namespace)
        except NotFoundError:
            raise
        except (ApiError, TransportError) as error:
            self._recorder.event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}")
        return remaining


def pod_from_template(owner: Object) -> Object:
    """The Pod that `spec.template` of `owner` describes. It shares the template's parts, which nobody changes."""
    template = owner["spec"]["template"]
    described = template.get("metadata") or {}
    metadata: dict[str, Any] = {"generateName": f"{owner['metadata']['name']}-"}
    for name in ("labels", "annotations", "finalizers"):
        if described.get(name):
            metadata[name] = described[name]
    metadata["ownerReferences"] = [owner_reference(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
