"""Runs all the controllers of a cluster in one process, behind one leader lock.

A cluster may have several kube-controller-managers; the one that holds the Lease kube-system/kube-controller-manager
works and the others wait for it to expire. The controllers share one set of caches, yet each talks to the
apiserver as a service account of its own, so that permissions and audit tell them apart.
Left out: the flags that choose and tune controllers, and the limit of 20 requests a second per client.
Upstream: cmd/kube-controller-manager/app.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubesim.api.tokens import Trust, virtual_trust
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informers
from kubesim.client.leader_election import LeaderElector
from kubesim.controllers.admission_policy_status import ValidatingAdmissionPolicyStatusController
from kubesim.controllers.attach_detach import AttachDetachController
from kubesim.controllers.attributes_class_protection import AttributesClassProtectionController
from kubesim.controllers.certificates import CertificateSigningController
from kubesim.controllers.cluster_role_aggregation import ClusterRoleAggregationController
from kubesim.controllers.controller import CheckPolicy, Controller, ControllerContext
from kubesim.controllers.cron_job import CronJobController
from kubesim.controllers.daemon_set import DaemonSetController
from kubesim.controllers.deployment import DeploymentController
from kubesim.controllers.disruption import DisruptionController
from kubesim.controllers.endpoint_slice import EndpointSliceController
from kubesim.controllers.endpoint_slice_mirroring import EndpointSliceMirroringController
from kubesim.controllers.endpoints_controller import EndpointsController
from kubesim.controllers.ephemeral_volume import EphemeralVolumeController
from kubesim.controllers.garbage_collector import GarbageCollector
from kubesim.controllers.horizontal_pod_autoscaler import HorizontalPodAutoscalerController
from kubesim.controllers.job import JobController
from kubesim.controllers.namespace import NamespaceController
from kubesim.controllers.node_ipam import NodeIpamController
from kubesim.controllers.node_lifecycle import NodeLifecycleController
from kubesim.controllers.node_ttl import TTLController
from kubesim.controllers.persistent_volume import PersistentVolumeBinder
from kubesim.controllers.pod_gc import PodGarbageCollector
from kubesim.controllers.replica_set import ReplicaSetController
from kubesim.controllers.replication_controller import ReplicationControllerController
from kubesim.controllers.resource_quota import ResourceQuotaController
from kubesim.controllers.root_ca_publisher import RootCACertificatePublisher
from kubesim.controllers.service_account import ServiceAccountController
from kubesim.controllers.stateful_set import StatefulSetController
from kubesim.controllers.storage_protection import ClaimProtectionController, VolumeProtectionController
from kubesim.controllers.taint_eviction import TaintEvictionController
from kubesim.controllers.tokens import TokensController
from kubesim.controllers.ttl_after_finished import TTLAfterFinishedController
from kubesim.controllers.volume_expand import ExpandController
from kubesim.sim import Simulation, Tasks

ALL_CONTROLLERS: tuple[type[Controller], ...] = (
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    ReplicationControllerController,
    PodGarbageCollector,
    ResourceQuotaController,
    NamespaceController,
    ServiceAccountController,
    RootCACertificatePublisher,
    GarbageCollector,
    JobController,
    DaemonSetController,
    DeploymentController,
    ReplicaSetController,
    DisruptionController,
    StatefulSetController,
    NodeLifecycleController,
    PersistentVolumeBinder,
    TaintEvictionController,
    ClaimProtectionController,
    VolumeProtectionController,
    AttributesClassProtectionController,
    TokensController,
    CertificateSigningController,
    ClusterRoleAggregationController,
    HorizontalPodAutoscalerController,
    CronJobController,
    TTLAfterFinishedController,
    ValidatingAdmissionPolicyStatusController,
    AttachDetachController,
    ExpandController,
    EphemeralVolumeController,
    TTLController,
)
ALLOCATING_CONTROLLERS = (*ALL_CONTROLLERS, NodeIpamController)  # With --allocate-node-cidrs.

NAME = "kube-controller-manager"
OWN_IDENTITY = ""  # For `client_for`: the manager itself, not one of its controllers.


class ControllerManager:
    """One kube-controller-manager.

    `client_for(name)` makes a client that acts as the service account `name` of kube-system; for
    `OWN_IDENTITY` one that acts as the manager itself (caches and the leader lock).
    """

    def __init__(
        self,
        sim: Simulation,
        client_for: Callable[[str], Client],
        *,
        controllers: Sequence[type[Controller]] = ALL_CONTROLLERS,
        leader_elect: bool = True,
        releases_lease: bool = False,
        host: str = "control-plane",
        trust: Trust | None = None,
        check_policy: CheckPolicy | None = None,
    ) -> None:
        self.sim = sim
        self.controllers: tuple[Controller, ...] = ()  # Filled once this manager leads.
        self._client = client_for(OWN_IDENTITY)
        self.informers = Informers(sim, self._client)  # Of its present term as leader.
        self._client_for = client_for
        self._kinds = tuple(controllers)
        self._leader_elect = leader_elect
        self._releases_lease = releases_lease
        self._check_policy = check_policy
        self._trust = trust or virtual_trust(sim.chance.seed)
        self._identity = f"{host}_{sim.chance.uid()}"

    async def run(self) -> None:
        """Leads when it can and works while it leads, until cancelled."""
        if not self._leader_elect:
            await self._lead()
            return
        recorder = EventRecorder(self.sim, self._client, NAME)
        elector = LeaderElector(
            self.sim, self._client, name=NAME, identity=self._identity, recorder=recorder,
            releases=self._releases_lease,
        )  # fmt: skip
        async with Tasks(NAME) as tasks:
            tasks.spawn(recorder.run(), "events")
            await elector.run(self._lead)

    async def _lead(self) -> None:
        informers = self.informers = Informers(self.sim, self._client)
        contexts = [self._context(kind, informers) for kind in self._kinds]
        self.controllers = tuple(kind(context) for kind, context in zip(self._kinds, contexts, strict=True))
        async with Tasks(f"{NAME}/leading") as tasks:
            tasks.spawn(informers.run(), "informers")
            for controller, context in zip(self.controllers, contexts, strict=True):
                tasks.spawn(context.recorder.run(), f"{controller.name}/events")
                tasks.spawn(controller.run(), controller.name)
            await self.sim.loop.create_future()  # Until cancelled.

    def _context(self, kind: type[Controller], informers: Informers) -> ControllerContext:
        client = self._client_for(kind.service_account or kind.name)
        recorder = EventRecorder(self.sim, client, kind.event_source or kind.name)
        return ControllerContext(self.sim, client, informers, recorder, self._trust, self._check_policy)
