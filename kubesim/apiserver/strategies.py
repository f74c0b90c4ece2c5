"""Which strategy each kind has: one visible list. A kind that is not in it has the plain one."""

from __future__ import annotations

from kubesim.api.resources import Resource
from kubesim.apiserver.crd.definition_strategy import DefinitionStrategy
from kubesim.apiserver.registry.admission_policies import (
    MutatingPolicyBindingStrategy,
    MutatingPolicyStrategy,
    ValidatingPolicyBindingStrategy,
    ValidatingPolicyStrategy,
)
from kubesim.apiserver.registry.api_service import APIServiceStrategy
from kubesim.apiserver.registry.batch import CronJobStrategy, JobStrategy
from kubesim.apiserver.registry.certificate import CertificateSigningRequestStrategy
from kubesim.apiserver.registry.limit_range import LimitRangeStrategy
from kubesim.apiserver.registry.namespace import NamespaceStrategy
from kubesim.apiserver.registry.pod import PodStrategy
from kubesim.apiserver.registry.resource_quota import ResourceQuotaStrategy
from kubesim.apiserver.registry.rules import (
    AutoscalerStrategy,
    DisruptionBudgetStrategy,
    IngressClassStrategy,
    IngressStrategy,
    NetworkPolicyStrategy,
    RoleBindingStrategy,
    RoleStrategy,
)
from kubesim.apiserver.registry.secret import SecretStrategy
from kubesim.apiserver.registry.service import ServiceStrategy
from kubesim.apiserver.registry.simple import (
    ConfigStrategy,
    EndpointSliceStrategy,
    EndpointsStrategy,
    EventStrategy,
    LeaseStrategy,
    NodeStrategy,
    PodTemplateStrategy,
    PriorityClassStrategy,
)
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.registry.volumes import ClaimStrategy, StorageClassStrategy, VolumeStrategy
from kubesim.apiserver.registry.webhook_configurations import WebhookConfigurationStrategy
from kubesim.apiserver.registry.workload import DeploymentStrategy, ReplicationControllerStrategy, WorkloadStrategy
from kubesim.apiserver.registry.workload_sets import ControllerRevisionStrategy, DaemonSetStrategy, StatefulSetStrategy
from kubesim.sim import Simulation

ADMISSION = "admissionregistration.k8s.io"

STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "pods"): PodStrategy,
    ("", "nodes"): NodeStrategy,
    ("", "namespaces"): NamespaceStrategy,
    ("", "events"): EventStrategy,
    ("", "configmaps"): ConfigStrategy,
    ("", "endpoints"): EndpointsStrategy,
    ("", "podtemplates"): PodTemplateStrategy,
    ("", "secrets"): SecretStrategy,
    ("", "limitranges"): LimitRangeStrategy,
    ("", "resourcequotas"): ResourceQuotaStrategy,
    ("", "replicationcontrollers"): ReplicationControllerStrategy,
    ("apps", "deployments"): DeploymentStrategy,
    ("apps", "replicasets"): WorkloadStrategy,
    ("apps", "statefulsets"): StatefulSetStrategy,
    ("apps", "daemonsets"): DaemonSetStrategy,
    ("apps", "controllerrevisions"): ControllerRevisionStrategy,
    ("", "persistentvolumeclaims"): ClaimStrategy,
    ("", "persistentvolumes"): VolumeStrategy,
    ("storage.k8s.io", "storageclasses"): StorageClassStrategy,
    ("batch", "jobs"): JobStrategy,
    ("batch", "cronjobs"): CronJobStrategy,
    ("policy", "poddisruptionbudgets"): DisruptionBudgetStrategy,
    ("autoscaling", "horizontalpodautoscalers"): AutoscalerStrategy,
    ("networking.k8s.io", "ingresses"): IngressStrategy,
    ("networking.k8s.io", "ingressclasses"): IngressClassStrategy,
    ("networking.k8s.io", "networkpolicies"): NetworkPolicyStrategy,
    ("rbac.authorization.k8s.io", "roles"): RoleStrategy,
    ("rbac.authorization.k8s.io", "clusterroles"): RoleStrategy,
    ("rbac.authorization.k8s.io", "rolebindings"): RoleBindingStrategy,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): RoleBindingStrategy,
    ("certificates.k8s.io", "certificatesigningrequests"): CertificateSigningRequestStrategy,
    ("coordination.k8s.io", "leases"): LeaseStrategy,
    ("discovery.k8s.io", "endpointslices"): EndpointSliceStrategy,
    ("apiextensions.k8s.io", "customresourcedefinitions"): DefinitionStrategy,
    ("apiregistration.k8s.io", "apiservices"): APIServiceStrategy,
    ("scheduling.k8s.io", "priorityclasses"): PriorityClassStrategy,
    (ADMISSION, "validatingadmissionpolicies"): ValidatingPolicyStrategy,
    (ADMISSION, "validatingadmissionpolicybindings"): ValidatingPolicyBindingStrategy,
    (ADMISSION, "validatingwebhookconfigurations"): WebhookConfigurationStrategy,
    (ADMISSION, "mutatingwebhookconfigurations"): WebhookConfigurationStrategy,
    (ADMISSION, "mutatingadmissionpolicies"): MutatingPolicyStrategy,
    (ADMISSION, "mutatingadmissionpolicybindings"): MutatingPolicyBindingStrategy,
}


def strategy_for(resource: Resource, sim: Simulation) -> Strategy:
    """A fresh strategy for one server."""
    if (resource.group, resource.plural) == ("", "services"):
        return ServiceStrategy(resource, sim.chance.stream("service"))
    return STRATEGIES.get((resource.group, resource.plural), Strategy)(resource)
