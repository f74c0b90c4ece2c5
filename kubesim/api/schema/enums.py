"""Which fields take one of a few words, in the groups that are served.

The installed definitions come from a document that leaves these out; the one that a server publishes for
`kubectl explain` has them. Upstream marks such types with `+enum` (staging/src/k8s.io/api/GROUP/VERSION/types.go)
and adds a sentence on each word, which is left out here.
"""

from __future__ import annotations

from functools import lru_cache

# Package: words = the fields that take them.
_TABLE = """
core.v1
"" BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket = HostPathVolumeSource.type
"" IPv4 IPv6 = ServiceSpec.ipFamilies
Active Terminating = NamespaceStatus.phase
Always IfNotPresent Never = Container.imagePullPolicy EphemeralContainer.imagePullPolicy ImageVolumeSource.pullPolicy
Always Never OnFailure = PodSpec.restartPolicy
Always OnRootMismatch = PodSecurityContext.fsGroupChangePolicy
Available Bound Failed Pending Released = PersistentVolumeStatus.phase
BestEffort Burstable Guaranteed = PodStatus.qosClass
BestEffort CrossNamespacePodAffinity NotBestEffort NotTerminating PriorityClass Terminating VolumeAttributesClass = \
ResourceQuotaSpec.scopes ScopedResourceSelectorRequirement.scopeName
Bidirectional HostToContainer None = VolumeMount.mountPropagation
Block Filesystem = PersistentVolumeClaimSpec.volumeMode PersistentVolumeSpec.volumeMode
Bound Lost Pending = PersistentVolumeClaimStatus.phase
ClientIP None = ServiceSpec.sessionAffinity
Cluster Local = ServiceSpec.externalTrafficPolicy ServiceSpec.internalTrafficPolicy
ClusterFirst ClusterFirstWithHostNet Default None = PodSpec.dnsPolicy
ClusterIP ExternalName LoadBalancer NodePort = ServiceSpec.type
ControllerResizeInProgress ControllerResizeInfeasible NodeResizeInProgress NodeResizeInfeasible NodeResizePending = \
PersistentVolumeClaimStatus.allocatedResourceStatuses
Dedicated Managed Shared = AzureDiskVolumeSource.kind
Default Unmasked = SecurityContext.procMount
Delete Recycle Retain = PersistentVolumeSpec.persistentVolumeReclaimPolicy
DoNotSchedule ScheduleAnyway = TopologySpreadConstraint.whenUnsatisfiable
DoesNotExist Exists Gt In Lt NotIn = NodeSelectorRequirement.operator
DoesNotExist Exists In NotIn = ScopedResourceSelectorRequirement.operator
Equal Exists Gt Lt = Toleration.operator
Failed Pending Running Succeeded Unknown = PodStatus.phase
FallbackToLogsOnError File = Container.terminationMessagePolicy EphemeralContainer.terminationMessagePolicy
HTTP HTTPS = HTTPGetAction.scheme
Honor Ignore = TopologySpreadConstraint.nodeAffinityPolicy TopologySpreadConstraint.nodeTaintsPolicy
InProgress Infeasible Pending = ModifyVolumeStatus.status
Localhost RuntimeDefault Unconfined = AppArmorProfile.type SeccompProfile.type
Merge Strict = PodSecurityContext.supplementalGroupsPolicy
Never PreemptLowerPriority = PodSpec.preemptionPolicy
NoExecute NoSchedule PreferNoSchedule = Taint.effect Toleration.effect
None ReadOnly ReadWrite = AzureDiskVolumeSource.cachingMode
Pending Running Terminated = NodeStatus.phase
PreferDualStack RequireDualStack SingleStack = ServiceSpec.ipFamilyPolicy
ReadOnlyMany ReadWriteMany ReadWriteOnce ReadWriteOncePod = PersistentVolumeClaimSpec.accessModes \
PersistentVolumeClaimStatus.accessModes PersistentVolumeSpec.accessModes
SCTP TCP UDP = ContainerPort.protocol EndpointPort.protocol PortStatus.protocol ServicePort.protocol
apps.v1
OnDelete RollingUpdate = DaemonSetUpdateStrategy.type StatefulSetUpdateStrategy.type
OrderedReady Parallel = StatefulSetSpec.podManagementPolicy
Recreate RollingUpdate = DeploymentStrategy.type
batch.v1
Allow Forbid Replace = CronJobSpec.concurrencyPolicy
Count FailIndex FailJob Ignore = PodFailurePolicyRule.action
Failed TerminatingOrFailed = JobSpec.podReplacementPolicy
In NotIn = PodFailurePolicyOnExitCodesRequirement.operator
Indexed NonIndexed = JobSpec.completionMode
networking.v1
Egress Ingress = NetworkPolicySpec.policyTypes
Exact ImplementationSpecific Prefix = HTTPIngressPath.pathType
SCTP TCP UDP = NetworkPolicyPort.protocol
policy.v1
AlwaysAllow IfHealthyBudget = PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy
discovery.v1
FQDN IPv4 IPv6 = EndpointSlice.addressType
SCTP TCP UDP = EndpointPort.protocol
scheduling.v1
Never PreemptLowerPriority = PriorityClass.preemptionPolicy
storage.v1
Delete Recycle Retain = StorageClass.reclaimPolicy
Immediate WaitForFirstConsumer = StorageClass.volumeBindingMode
admissionregistration.v1
* Cluster Namespaced = NamedRuleWithOperations.scope RuleWithOperations.scope
* CONNECT CREATE DELETE UPDATE = NamedRuleWithOperations.operations RuleWithOperations.operations
Allow Deny = ParamRef.parameterNotFoundAction
ApplyConfiguration JSONPatch = Mutation.patchType
Equivalent Exact = MatchResources.matchPolicy MutatingWebhook.matchPolicy ValidatingWebhook.matchPolicy
Fail Ignore = MutatingAdmissionPolicySpec.failurePolicy MutatingWebhook.failurePolicy \
ValidatingAdmissionPolicySpec.failurePolicy ValidatingWebhook.failurePolicy
IfNeeded Never = MutatingWebhook.reinvocationPolicy
None NoneOnDryRun Some Unknown = MutatingWebhook.sideEffects ValidatingWebhook.sideEffects
Audit Deny Warn = ValidatingAdmissionPolicyBindingSpec.validationActions
"""


@lru_cache(1)
def enums() -> dict[str, dict[str, tuple[str, ...]]]:
    """Full name of a definition → field → words, in alphabetical order."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    package = ""
    for line in _TABLE.replace("\\\n", "").strip().splitlines():
        if "=" not in line:
            package = f"io.k8s.api.{line}."
            continue
        left, _, right = line.partition(" = ")
        words = tuple(sorted("" if word == '""' else word for word in left.split()))
        for field in right.split():
            kind, _, name = field.partition(".")
            found.setdefault(package + kind, {})[name] = words
    return found
