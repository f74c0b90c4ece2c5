"""Fills Secrets of type kubernetes.io/service-account-token with a token, and removes them with their account.

Since v1.24 nobody makes such Secrets but users who want a token that does not end. The controller signs the token and
adds the cluster's CA and the namespace; a Secret whose account is missing, or is another one of the same name, goes.
Upstream: TokensController in pkg/controller/serviceaccount.
Left out: references in ServiceAccount.secrets, the label of the last use.
"""

from __future__ import annotations

from base64 import b64encode

from kubesim.api.errors import NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import SECRETS, SERVICE_ACCOUNTS
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import legacy_claims, make_token
from kubesim.controllers.controller import Controller, ControllerContext

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
BY_ACCOUNT = "token-account"


class TokensController(Controller):
    """The queue holds keys of Secrets."""

    name = "serviceaccount-token-controller"
    service_account = "tokens-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._accounts = self.informers.of(SERVICE_ACCOUNTS)
        self._secrets = self.informers.of(SECRETS)
        self._secrets.add_index(BY_ACCOUNT, account_of)
        self._secrets.add_handler(on_add=self._secret_changed, on_update=lambda _old, new: self._secret_changed(new))
        self._accounts.add_handler(on_add=self._account_changed, on_delete=self._account_changed)

    async def reconcile(self, key: str) -> None:
        """Completes a Secret, or deletes it if its account is not there."""
        secret = self._secrets.get(key)
        if secret is None or not account_of(secret):
            return
        annotations = secret.object["metadata"]["annotations"]
        name, uid = annotations[ACCOUNT_NAME], annotations.get(ACCOUNT_UID, "")
        account = self._accounts.get(f"{secret.namespace}/{name}")
        if account is None or uid not in ("", account.uid):
            try:
                await self.client.delete(SECRETS, secret.name, secret.namespace, uid=secret.uid)
            except NotFoundError:
                return
            return
        wanted = self._completed(secret, account)
        if wanted is not secret.object:
            await self.client.update(SECRETS, wanted)

    def _completed(self, secret: Stored, account: Stored) -> Object:
        data: dict[str, str] = secret.object.get("data") or {}
        wanted = {"ca.crt": base64(self.trust.authority), "namespace": base64(secret.namespace)}
        if not data.get("token"):
            claims = legacy_claims(secret.namespace, secret.name, account.name, account.uid)
            wanted["token"] = base64(make_token(self.trust.signer, claims))
        annotations = secret.object["metadata"]["annotations"]
        if all(data.get(key) == value for key, value in wanted.items()) and annotations.get(ACCOUNT_UID):
            return secret.object
        obj = with_fields(secret.object, {ACCOUNT_UID: account.uid}, "metadata", "annotations")
        return obj | {"data": {**data, **wanted}}

    def _secret_changed(self, secret: Stored) -> None:
        if account_of(secret):
            self.queue.add(secret.key)

    def _account_changed(self, account: Stored) -> None:
        for secret in self._secrets.by_index(BY_ACCOUNT, account.key):
            self.queue.add(secret.key)


def account_of(secret: Stored) -> tuple[str, ...]:
    """The key of the account that a token Secret is for; nothing for other Secrets."""
    if secret.object.get("type") != TYPE:
        return ()
    name = (secret.object["metadata"].get("annotations") or {}).get(ACCOUNT_NAME)
    return (f"{secret.namespace}/{name}",) if name else ()


def base64(text: str) -> str:
    """How Secrets keep it."""
    return b64encode(text.encode()).decode()
