"""What each controller may do: `system:controller:NAME`, bound to the service account NAME of kube-system.

The notation is that of cluster_roles.py; `E` is the rule about events that nearly all of them have.
Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go.
"""

from __future__ import annotations

CONTROLLER_ROLES = """
attachdetach-controller
 list,watch @ core : persistentvolumes,persistentvolumeclaims
 R @ core : nodes
 patch,update @ core : nodes/status
 list,watch @ core : pods
 E
 get,create,delete,list,watch @ storage.k8s.io : volumeattachments
 R @ storage.k8s.io : csidrivers
 R @ storage.k8s.io : csinodes
certificate-controller
 get,list,watch,delete @ certificates.k8s.io : certificatesigningrequests
 update @ certificates.k8s.io : certificatesigningrequests/status,certificatesigningrequests/approval
 approve @ certificates.k8s.io : signers ; kubernetes.io/kube-apiserver-client-kubelet
 sign @ certificates.k8s.io : signers ; kubernetes.io/legacy-unknown,kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving
 create @ authorization.k8s.io : subjectaccessreviews
 E
clusterrole-aggregation-controller
 escalate,get,list,watch,update,patch @ rbac.authorization.k8s.io : clusterroles
cronjob-controller
 get,list,watch,update @ batch : cronjobs
 get,list,watch,create,update,delete,patch @ batch : jobs
 update @ batch : cronjobs/status
 update @ batch : cronjobs/finalizers
 list,watch,delete @ core : pods
 E
daemon-set-controller
 R @ extensions,apps : daemonsets
 update @ extensions,apps : daemonsets/status
 update @ extensions,apps : daemonsets/finalizers
 list,watch @ core : nodes
 list,watch,create,delete,patch @ core : pods
 create @ core : pods/binding
 get,list,watch,create,delete,update,patch @ apps : controllerrevisions
 E
deployment-controller
 get,list,watch,update @ extensions,apps : deployments
 update @ extensions,apps : deployments/status
 update @ extensions,apps : deployments/finalizers
 get,list,watch,create,update,patch,delete @ extensions,apps : replicasets
 get,list,watch,update @ core : pods
 E
disruption-controller
 R @ extensions,apps : deployments
 R @ extensions,apps : replicasets
 R @ core : replicationcontrollers
 R @ policy : poddisruptionbudgets
 R @ apps : statefulsets
 update @ policy : poddisruptionbudgets/status
 patch,update @ core : pods/status
 get @ * : */scale
 E
endpoint-controller
 R @ core : services,pods
 get,list,watch,create,update,delete @ core : endpoints
 create @ core : endpoints/restricted
 E
endpointslice-controller
 R @ core : services,pods,nodes
 update @ core : services/finalizers
 get,list,watch,create,update,delete @ discovery.k8s.io : endpointslices
 E
endpointslicemirroring-controller
 R @ core : services,endpoints
 update @ core : services/finalizers
 update @ core : endpoints/finalizers
 get,list,watch,create,update,delete @ discovery.k8s.io : endpointslices
 E
ephemeral-volume-controller
 R @ core : pods
 update @ core : pods/finalizers
 get,list,watch,create @ core : persistentvolumeclaims
 E
expand-controller
 get,list,watch,update,patch @ core : persistentvolumes
 update,patch @ core : persistentvolumeclaims/status
 R @ core : persistentvolumeclaims
 E
 get @ core : services
generic-garbage-collector
 get,list,watch,patch,update,delete @ * : *
 E
horizontal-pod-autoscaler
 R @ autoscaling : horizontalpodautoscalers
 update @ autoscaling : horizontalpodautoscalers/status
 get,update @ * : */scale
 list,watch @ core : pods
 list,watch @ metrics.k8s.io : pods
 R @ custom.metrics.k8s.io : *
 R @ external.metrics.k8s.io : *
 E
job-controller
 get,list,watch,update,patch @ batch : jobs
 update @ batch : jobs/status
 update @ batch : jobs/finalizers
 list,watch,create,delete,patch @ core : pods
 E
legacy-service-account-token-cleaner
 get @ core : configmaps ; kube-apiserver-legacy-service-account-token-tracking
 patch,delete @ core : secrets
namespace-controller
 get,list,watch,delete @ core : namespaces
 update @ core : namespaces/finalize,namespaces/status
 get,list,watch,delete,deletecollection @ * : *
node-controller
 get,list,watch,update,delete,patch @ core : nodes
 patch,update @ core : nodes/status
 patch,update @ core : pods/status
 list,watch,get,delete @ core : pods
 E
persistent-volume-binder
 get,list,watch,update,create,delete @ core : persistentvolumes
 update @ core : persistentvolumes/status
 get,list,watch,update @ core : persistentvolumeclaims
 update @ core : persistentvolumeclaims/status
 list,watch,get,create,delete @ core : pods
 R @ storage.k8s.io : storageclasses
 list,watch @ core : nodes
 E
 watch @ core : events
 get @ core : services
pod-garbage-collector
 list,watch,delete @ core : pods
 R @ core : nodes
 patch @ core : pods/status
pv-protection-controller
 get,list,watch,update @ core : persistentvolumes
 E
pvc-protection-controller
 get,list,watch,update @ core : persistentvolumeclaims
 list,watch,get @ core : pods
 E
replicaset-controller
 get,list,watch,update @ apps,extensions : replicasets
 update @ apps,extensions : replicasets/status
 update @ apps,extensions : replicasets/finalizers
 list,watch,patch,create,delete @ core : pods
 E
replication-controller
 get,list,watch,update @ core : replicationcontrollers
 update @ core : replicationcontrollers/status
 update @ core : replicationcontrollers/finalizers
 list,watch,patch,create,delete @ core : pods
 E
resource-claim-controller
 R @ core : pods
 update @ core : pods/finalizers
 get,list,watch,create,delete @ resource.k8s.io : resourceclaims
 update,patch @ resource.k8s.io : resourceclaims,resourceclaims/status
 update,patch @ core : pods/status
 E
resourcequota-controller
 list,watch @ * : *
 update @ core : resourcequotas/status
 E
root-ca-cert-publisher
 create,update @ core : configmaps
 E
route-controller
 list,watch @ core : nodes
 patch @ core : nodes/status
 E
selinux-warning-controller
 E
 R @ core : persistentvolumes
 R @ core : persistentvolumeclaims
 R @ core : pods
 R @ storage.k8s.io : csidrivers
service-account-controller
 create @ core : serviceaccounts
 E
service-cidrs-controller
 get,list,watch,patch,update @ networking.k8s.io : servicecidrs
 patch,update @ networking.k8s.io : servicecidrs/finalizers
 patch,update @ networking.k8s.io : servicecidrs/status
 R @ networking.k8s.io : ipaddresses
 E
service-controller
 R @ core : services
 patch,update @ core : services/status
 list,watch @ core : nodes
 E
statefulset-controller
 list,watch @ core : pods
 R @ apps : statefulsets
 update @ apps : statefulsets/status
 update @ apps : statefulsets/finalizers
 get,create,delete,update,patch @ core : pods
 get,create,delete,update,patch,list,watch @ apps : controllerrevisions
 get,create,list,watch @ core : persistentvolumeclaims
 update,delete @ core : persistentvolumeclaims
 update @ core : pods/finalizers
 E
ttl-after-finished-controller
 get,list,watch,delete @ batch : jobs
 E
ttl-controller
 update,patch,list,watch @ core : nodes
 E
validatingadmissionpolicy-status-controller
 R @ admissionregistration.k8s.io : validatingadmissionpolicies
 get,patch,update @ admissionregistration.k8s.io : validatingadmissionpolicies/status
 E
volumeattributesclass-protection-controller
 list,watch,get @ core : persistentvolumeclaims
 list,watch,get @ core : persistentvolumes
 get,list,watch,update @ storage.k8s.io : volumeattributesclasses
 E
"""  # noqa: E501 (a rule is a line)

# namespace → Roles of it, in the same notation.
NAMESPACE_ROLES = {
    "kube-system": """
extension-apiserver-authentication-reader
 R @ core : configmaps ; extension-apiserver-authentication
system:controller:bootstrap-signer
 R @ core : secrets
system:controller:cloud-provider
 create,get,list,watch @ core : configmaps
system:controller:token-cleaner
 get,list,watch,delete @ core : secrets
 E
system::leader-locking-kube-controller-manager
 watch @ core : configmaps
 get,update @ core : configmaps ; kube-controller-manager
system::leader-locking-kube-scheduler
 watch @ core : configmaps
 get,update @ core : configmaps ; kube-scheduler
""",
    "kube-public": """
system:controller:bootstrap-signer
 R @ core : configmaps
 update @ core : configmaps ; cluster-info
 E
""",
}
MANAGER, SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"
# (namespace, binding, role, subjects)
NAMESPACE_ROLE_BINDINGS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("kube-system", "system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader",
     (("User", MANAGER), ("User", SCHEDULER))),
    ("kube-system", "system::leader-locking-kube-controller-manager", "system::leader-locking-kube-controller-manager",
     (("User", MANAGER), ("ServiceAccount", "kube-controller-manager"))),
    ("kube-system", "system::leader-locking-kube-scheduler", "system::leader-locking-kube-scheduler",
     (("User", SCHEDULER), ("ServiceAccount", "kube-scheduler"))),
    ("kube-system", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer",
     (("ServiceAccount", "bootstrap-signer"),)),
    ("kube-system", "system:controller:cloud-provider", "system:controller:cloud-provider",
     (("ServiceAccount", "cloud-provider"),)),
    ("kube-system", "system:controller:token-cleaner", "system:controller:token-cleaner",
     (("ServiceAccount", "token-cleaner"),)),
    ("kube-public", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer",
     (("ServiceAccount", "bootstrap-signer"),)),
)  # fmt: skip
