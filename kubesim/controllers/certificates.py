"""Signs certificate requests that somebody has approved, and forgets those that are over.

The signers of the cluster itself are kube-apiserver-client, kube-apiserver-client-kubelet, kubelet-serving and
legacy-unknown; requests to others wait for somebody else. Only a served cluster has an authority to sign with.
Upstream: pkg/controller/certificates/{signer,cleaner}. Left out: the approver of kubelets' own requests.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import CERTIFICATE_SIGNING_REQUESTS as REQUESTS
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.sim import Tasks

PREFIX = "kubernetes.io/"
CLIENT_USAGES = ("key encipherment", "digital signature", "client auth")
SERVER_USAGES = ("key encipherment", "digital signature", "server auth")
# signer → which usages it may certify (None: any), and which it must.
SIGNERS: dict[str, tuple[tuple[str, ...] | None, str]] = {
    f"{PREFIX}kube-apiserver-client": (CLIENT_USAGES, "client auth"),
    f"{PREFIX}kube-apiserver-client-kubelet": (CLIENT_USAGES, "client auth"),
    f"{PREFIX}kubelet-serving": (SERVER_USAGES, "server auth"),
    f"{PREFIX}legacy-unknown": (None, ""),
}
YEAR_SECONDS = 365 * 24 * 3600
CLEAN_SECONDS, DECIDED_SECONDS, PENDING_SECONDS = 3600.0, 3600, 24 * 3600


class CertificateSigningController(Controller):
    """The queue holds names of requests."""

    name = "certificatesigningrequest-signing-controller"
    service_account = "certificate-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._requests = self.informers.of(REQUESTS)
        self._requests.add_handler(on_add=self.enqueue, on_update=lambda _old, new: self.enqueue(new))

    async def reconcile(self, key: str) -> None:
        """Signs an approved request of a signer of ours, once."""
        stored = self._requests.get(key)
        sign = self.trust.sign_request
        if stored is None or sign is None or not waits_for_signature(stored.object):
            return
        spec, status = stored.object["spec"], stored.object["status"]
        allowed, needed = SIGNERS[spec["signerName"]]
        usages = tuple(spec["usages"])
        try:
            if allowed is not None and (needed not in usages or not set(usages) <= set(allowed)):
                raise ValueError(f"usages did not match {sorted(allowed)}")
            text = sign(b64decode(spec["request"]).decode(), spec.get("expirationSeconds") or YEAR_SECONDS, usages)
        except ValueError as error:
            await self._fail(stored, str(error))
            return
        certificate = b64encode(text.encode()).decode()
        await self.client.update_status(REQUESTS, {**stored.object, "status": {**status, "certificate": certificate}})

    def background(self, tasks: Tasks) -> None:
        """The cleaner."""
        tasks.spawn(self._clean(), "cleaner")

    async def _fail(self, stored: Stored, why: str) -> None:
        now = self.sim.clock.timestamp()
        failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why,
                  "lastUpdateTime": now, "lastTransitionTime": now}  # fmt: skip
        status = stored.object["status"]
        conditions = [*(status.get("conditions") or ()), failed]
        await self.client.update_status(REQUESTS, {**stored.object, "status": {**status, "conditions": conditions}})

    async def _clean(self) -> None:
        while True:
            await asyncio.sleep(CLEAN_SECONDS)
            for stored in self._requests.list():
                if self._is_over(stored.object):
                    try:
                        await self.client.delete(REQUESTS, stored.name)
                    except (ApiError, TransportError) as error:
                        self._failed(stored.key, error)

    def _is_over(self, obj: Object) -> bool:
        conditions = (obj.get("status") or {}).get("conditions") or ()
        age = self.sim.clock.since(obj["metadata"]["creationTimestamp"])
        return age > (DECIDED_SECONDS if conditions else PENDING_SECONDS)


def waits_for_signature(obj: Object) -> bool:
    """Whether a request is approved, for a signer of ours, and without an answer."""
    status: Object = obj.get("status") or {}
    types = {condition.get("type") for condition in status.get("conditions") or ()}
    return (
        "Approved" in types
        and not types & {"Denied", "Failed"}
        and not status.get("certificate")
        and (obj.get("spec") or {}).get("signerName") in SIGNERS
    )
