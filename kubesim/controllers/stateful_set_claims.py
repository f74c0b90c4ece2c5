"""The claims of a StatefulSet's Pods: made before the Pod, and given an owner when they shall go with somebody.

`persistentVolumeClaimRetentionPolicy` says what becomes of a claim: with whenDeleted: Delete the set owns it, and a
claim of a Pod that is scaled away belongs to that Pod with whenScaled: Delete. The garbage collector does the rest.
Upstream: pkg/controller/statefulset/stateful_pod_control.go and stateful_set_utils.go.
"""

from __future__ import annotations

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.meta import controller_of, owner_reference, with_fields
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informer
from kubesim.controllers.controller import RetryLaterError
from kubesim.controllers.stateful_set_pods import claims_of, ordinal_of, ordinals

DELETE = "Delete"


class StatefulClaims:
    """Creates claims and keeps their owners right. `claims` is the cache of all of them."""

    def __init__(self, client: Client, recorder: EventRecorder, claims: Informer) -> None:
        self._client = client
        self._recorder = recorder
        self._claims = claims

    async def create_missing(self, owner: Stored, set_object: Object, pod: Object) -> None:
        """Makes the claims of a Pod that do not exist, and gives all of them the owner that the policy asks for."""
        errors = []
        for claim in claims_of(set_object, pod["metadata"]["name"]).values():
            errors += await self._create(owner, pod, claim)
        if errors:
            raise RetryLaterError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
        await self.set_owners(set_object, pod)

    async def _create(self, owner: Stored, pod: Object, claim: Object) -> list[str]:
        name, namespace = claim["metadata"]["name"], owner.namespace
        known = self._claims.get(f"{namespace}/{name}")
        if known is not None:
            leaving = "deletionTimestamp" in known.object["metadata"]
            return [f"pvc {name} is being deleted"] if leaving else []
        try:
            await self._client.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace)
        except (ApiError, TransportError) as error:
            if isinstance(error, ApiError) and error.reason == "AlreadyExists":
                return []  # The cache is behind.
            words = f"Create Claim {name} for Pod {pod['metadata']['name']} in StatefulSet {owner.name}"
            self._recorder.event(owner, "Warning", "FailedCreate", f"{words} failed error: {error}")
            return [f"failed to create PVC {name}: {error}"]
        words = f"Create Claim {name} Pod {pod['metadata']['name']} in StatefulSet {owner.name} success"
        self._recorder.event(owner, "Normal", "SuccessfulCreate", words)
        return []

    def are_stale(self, set_object: Object, pod: Object) -> bool:
        """Whether a claim still belongs to a Pod of the same name that is gone: it is about to be collected."""
        metadata = pod["metadata"]
        for known in self._known(set_object, metadata["name"]):
            for reference in known.object["metadata"].get("ownerReferences") or ():
                is_pod = reference["kind"] == "Pod" and reference["name"] == metadata["name"]
                if is_pod and reference["uid"] != metadata.get("uid"):
                    return True
        return False

    def owners_match(self, set_object: Object, pod: Object) -> bool:
        """Whether every claim of a Pod has the owner that the policy asks for."""
        return all(
            wanted_owners(set_object, pod, known) is None for known in self._known(set_object, pod["metadata"]["name"])
        )

    async def set_owners(self, set_object: Object, pod: Object) -> None:
        """Gives every claim of a Pod the owner that the policy asks for."""
        for known in self._known(set_object, pod["metadata"]["name"]):
            owners = wanted_owners(set_object, pod, known)
            if owners is None:
                continue
            changed = with_fields(known.object, {"ownerReferences": owners or None}, "metadata")
            try:
                await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed)
            except NotFoundError:
                continue  # Gone meanwhile.

    def _known(self, set_object: Object, pod_name: str) -> list[Stored]:
        namespace = set_object["metadata"]["namespace"]
        names = [claim["metadata"]["name"] for claim in claims_of(set_object, pod_name).values()]
        found = [self._claims.get(f"{namespace}/{name}") for name in names]
        return [known for known in found if known is not None]


def wanted_owners(set_object: Object, pod: Object, claim: Stored) -> list[Object] | None:
    """The owner references that a claim should have; None if it has them, or somebody else controls it."""
    policy = set_object["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    owners: list[Object] = claim.object["metadata"].get("ownerReferences") or []
    ours = {("StatefulSet", set_object["metadata"]["name"]), ("Pod", pod["metadata"]["name"])}
    controller = controller_of(claim.object)
    if controller is not None and (controller["kind"], controller["name"]) not in ours:
        return None
    others = [one for one in owners if (one["kind"], one["name"]) not in ours]
    is_scaled_away = ordinal_of(pod["metadata"]["name"]) not in ordinals(set_object["spec"])
    wanted: Object | None = None
    if policy.get("whenScaled") == DELETE and is_scaled_away:
        wanted = pod
    elif policy.get("whenDeleted") == DELETE:
        wanted = set_object
    if wanted is not None and "uid" not in wanted["metadata"]:
        return None  # A Pod that does not exist yet owns nothing.
    result = [*others, *([owner_reference(wanted)] if wanted is not None else [])]
    return None if result == owners else result
