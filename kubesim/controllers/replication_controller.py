"""Keeps the right number of Pods alive for every ReplicationController, the ReplicaSet's predecessor.

Upstream converts them to ReplicaSets and back and lets the same code work: pkg/controller/replication.
The differences: the selector is a plain map of labels, and the status does not count terminating Pods.
"""

from __future__ import annotations

from kubesim.api.resources import REPLICATION_CONTROLLERS
from kubesim.api.selectors import Selector, equality_selector
from kubesim.api.stored import Stored
from kubesim.controllers.replica_set import ReplicaSetController


class ReplicationControllerController(ReplicaSetController):
    """Closes the gap between spec.replicas and the Pods that exist."""

    name = "replicationcontroller-controller"
    service_account = "replication-controller"
    event_source = "replication-controller"
    resource = REPLICATION_CONTROLLERS
    counts_terminating = False

    def make_selector(self, owner: Stored) -> Selector:
        """All the labels of the map must match."""
        return equality_selector(owner.object["spec"]["selector"])
