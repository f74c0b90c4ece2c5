"""What the user of a context must be allowed to do, asked before anything is done.

The apiserver answers SelfSubjectAccessReviews for everybody, so a missing permission is a sentence at the beginning
and no failure in the middle.
Upstream: `kubectl auth can-i`.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import ApiError
from kubesim.api.resources import (
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SELF_ACCESS_REVIEWS,
    SERVICES,
    Resource,
)
from kubesim.api.wire import Request
from kubesim.client.client import Client
from kubesim.client.kubeconfig import Access
from kubesim.realcluster.errors import RealClusterError


class Need(NamedTuple):
    """One thing that must be allowed."""

    verb: str
    resource: Resource
    namespace: str = ""

    @property
    def text(self) -> str:
        """`create namespaces`."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource.qualified}{where}"


ALWAYS = (
    Need("create", NAMESPACES), Need("delete", NAMESPACES), Need("patch", NAMESPACES), Need("list", NAMESPACES),
    Need("list", NODES), Need("watch", NODES), Need("list", LEASES, "kube-node-lease"), Need("list", EVENTS, "default"),
    Need("list", SERVICES, "default"),
    Need("create", PODS), Need("watch", PODS), Need("create", DEPLOYMENTS),
)  # fmt: skip
CLUSTER_WIDE = (Need("patch", NODES),)
LOOKING = (Need("list", NODES), Need("watch", NODES), Need("list", PODS), Need("watch", PODS), Need("list", EVENTS))


async def check_permissions(client: Client, access: Access, *, cluster_wide: bool) -> None:
    """RealClusterError that names everything that is missing for a run."""
    await check(client, access, (*ALWAYS, *(CLUSTER_WIDE if cluster_wide else ())))


async def check(client: Client, access: Access, needs: tuple[Need, ...]) -> None:
    """Asks for each."""
    missing = [need.text for need in needs if not await is_allowed(client, need)]
    if missing:
        raise RealClusterError(
            f'user "{access.user}" of context "{access.context}" may not {", ".join(missing)}; '
            "ask for a role that allows it, or use another user"
        )


async def is_allowed(client: Client, need: Need) -> bool:
    """Whether the user may."""
    attributes = {"verb": need.verb, "group": need.resource.group, "resource": need.resource.plural}
    if need.namespace:
        attributes["namespace"] = need.namespace
    body = {
        "apiVersion": SELF_ACCESS_REVIEWS.api_version,
        "kind": SELF_ACCESS_REVIEWS.kind,
        "metadata": {},
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = await client.transport.request(Request("create", SELF_ACCESS_REVIEWS, body=body))
    except ApiError:
        return False
    review = answer.status or (answer.stored.object if answer.stored is not None else {})
    return bool((review.get("status") or {}).get("allowed"))
