"""Says in every ValidatingAdmissionPolicy whether its expressions fit the kinds that it is about.

Checking is the apiserver's trade (there it knows CEL and the schemas); the cluster hands a function for it to this
controller. What it finds are warnings: they go into `status.typeChecking` and change nothing else.
Upstream: pkg/controller/validatingadmissionpolicystatus.
"""

from __future__ import annotations

from kubesim.api.errors import ConflictError, InternalError, NotFoundError
from kubesim.api.meta import with_fields
from kubesim.api.resources import VALIDATING_POLICIES
from kubesim.controllers.controller import Controller, ControllerContext


class ValidatingAdmissionPolicyStatusController(Controller):
    """Checks every new generation once."""

    name = "validatingadmissionpolicy-status-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._check = context.check_policy
        self._policies = self.informers.of(VALIDATING_POLICIES)
        if self._check is not None:
            self._policies.add_handler(on_add=self.enqueue, on_update=lambda _, new: self.enqueue(new))

    async def reconcile(self, key: str) -> None:
        """Writes the status, if it is of an older generation."""
        policy = self._policies.get(key)
        if policy is None or self._check is None:
            return
        generation = policy.object["metadata"].get("generation", 0)
        if generation <= (policy.object.get("status") or {}).get("observedGeneration", 0):
            return
        try:
            warnings = self._check(policy.object)
        except InternalError:
            return  # Without the package for expressions nobody could have written the policy here.
        checked = {"expressionWarnings": warnings} if warnings else {}
        status = {**(policy.object.get("status") or {}), "observedGeneration": generation, "typeChecking": checked}
        try:
            await self.client.update_status(VALIDATING_POLICIES, with_fields(policy.object, {"status": status}))
        except (ConflictError, NotFoundError):
            return  # A newer one is on its way.
