"""Gives every namespace its ServiceAccount `default`, in whose name its Pods run.

Upstream: pkg/controller/serviceaccount.
"""

from __future__ import annotations

from kubesim.api.errors import AlreadyExistsError, ApiError
from kubesim.api.resources import NAMESPACES, SERVICE_ACCOUNTS
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.ownership import is_namespace_terminating

DEFAULT = "default"


class ServiceAccountController(Controller):
    """The queue holds names of namespaces."""

    name = "serviceaccount-controller"
    service_account = "service-account-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._namespaces = self.informers.of(NAMESPACES)
        self._accounts = self.informers.of(SERVICE_ACCOUNTS)
        self._namespaces.add_handler(on_add=self.enqueue, on_update=lambda _old, new: self.enqueue(new))
        self._accounts.add_handler(on_delete=self._account_deleted)

    async def reconcile(self, key: str) -> None:
        """Makes the account if the namespace is active and has none."""
        namespace = self._namespaces.get(key)
        if namespace is None or not is_active(namespace) or self._accounts.get(f"{key}/{DEFAULT}") is not None:
            return
        account: Object = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": DEFAULT, "namespace": key},
        }
        try:
            await self.client.create(SERVICE_ACCOUNTS, account)
        except AlreadyExistsError:
            return
        except ApiError as error:
            if not is_namespace_terminating(error):
                raise

    def _account_deleted(self, account: Stored) -> None:
        if account.name == DEFAULT:
            self.queue.add(account.namespace)


def is_active(namespace: Stored) -> bool:
    """Whether things may be created in a namespace."""
    phase: str = namespace.object["status"].get("phase", "")
    return phase == "Active"
