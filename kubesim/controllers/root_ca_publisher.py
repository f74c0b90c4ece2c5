"""Puts the cluster's CA certificate into every namespace, as ConfigMap `kube-root-ca.crt`.

Pods mount it beside their token, to know the apiserver when they talk to it.
Upstream: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from kubesim.api.errors import AlreadyExistsError, ApiError
from kubesim.api.meta import with_fields
from kubesim.api.resources import CONFIG_MAPS, NAMESPACES
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.ownership import is_namespace_terminating
from kubesim.controllers.service_account import is_active

CONFIG_MAP = "kube-root-ca.crt"
KEY = "ca.crt"
DESCRIPTION = "kubernetes.io/description"
DESCRIPTION_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class RootCACertificatePublisher(Controller):
    """The queue holds names of namespaces. The certificate is the cluster's (upstream: --root-ca-file)."""

    name = "root-ca-certificate-publisher-controller"
    service_account = "root-ca-cert-publisher"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._namespaces = self.informers.of(NAMESPACES)
        self._config_maps = self.informers.of(CONFIG_MAPS)
        self._namespaces.add_handler(on_add=self.enqueue, on_update=lambda _old, new: self.enqueue(new))
        self._config_maps.add_handler(
            on_update=lambda _old, new: self._config_map_changed(new), on_delete=self._config_map_changed
        )

    async def reconcile(self, key: str) -> None:
        """Creates or restores the ConfigMap of an active namespace."""
        namespace = self._namespaces.get(key)
        if namespace is None or not is_active(namespace):
            return
        present = self._config_maps.get(f"{key}/{CONFIG_MAP}")
        if present is None:
            await self._create(key)
            return
        wanted = with_certificate(present.object, self.trust.authority)
        if wanted != present.object:
            await self.client.update(CONFIG_MAPS, wanted)

    async def _create(self, namespace: str) -> None:
        empty: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": namespace},
        }
        try:
            await self.client.create(CONFIG_MAPS, with_certificate(empty, self.trust.authority))
        except AlreadyExistsError:
            return
        except ApiError as error:
            if not is_namespace_terminating(error):
                raise

    def _config_map_changed(self, config_map: Stored) -> None:
        if config_map.name == CONFIG_MAP:
            self.queue.add(config_map.namespace)


def with_certificate(config_map: Object, certificate: str) -> Object:
    """The ConfigMap as it should be: exactly that one key, and a description."""
    described = with_fields(config_map, {DESCRIPTION: DESCRIPTION_TEXT}, "metadata", "annotations")
    return described | {"data": {KEY: certificate}}
