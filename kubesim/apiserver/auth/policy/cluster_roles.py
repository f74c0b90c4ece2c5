"""The ClusterRoles that every cluster is born with, as a compact text, and who they are bound to.

A role is its name, then in brackets the roles that it is aggregated to; below it one line a rule:

    verbs @ groups : resources [; names]      verbs @ /paths

`R`, `W` and `U` stand for the verbs of reading, writing, and reading with changing; `core` is the group without a name.
A role with no rules whose name is a key of AGGREGATED gets the rules of those that point to it.
Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.
"""

from __future__ import annotations

CLUSTER_ROLES = """
cluster-admin
 * @ * : *
 * @ *
admin
edit [admin]
view [edit]
system:aggregate-to-admin [admin]
 create @ authorization.k8s.io : localsubjectaccessreviews
 R,W @ rbac.authorization.k8s.io : roles,rolebindings
system:aggregate-to-edit [edit]
 R @ core : pods/attach,pods/proxy,pods/exec,pods/portforward,secrets,services/proxy
 impersonate @ core : serviceaccounts
 W @ core : pods,pods/attach,pods/proxy,pods/exec,pods/portforward
 create @ core : pods/eviction
 W @ core : replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/proxy,persistentvolumeclaims,configmaps,secrets,events
 create @ core : serviceaccounts/token
 W @ apps : statefulsets,statefulsets/scale,daemonsets,deployments,deployments/scale,deployments/rollback,replicasets,replicasets/scale
 W @ autoscaling : horizontalpodautoscalers
 W @ batch : jobs,cronjobs
 W @ extensions : daemonsets,deployments,deployments/scale,deployments/rollback,ingresses,replicasets,replicasets/scale,replicationcontrollers/scale,networkpolicies
 W @ policy : poddisruptionbudgets
 W @ networking.k8s.io : networkpolicies,ingresses
 R,W @ coordination.k8s.io : leases
 W @ resource.k8s.io : resourceclaims,resourceclaimtemplates
system:aggregate-to-view [view]
 R @ core : pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,configmaps
 R @ core : limitranges,resourcequotas,bindings,events,pods/status,resourcequotas/status,namespaces/status,replicationcontrollers/status,pods/log
 R @ core : namespaces
 R @ discovery.k8s.io : endpointslices
 R @ apps : controllerrevisions,statefulsets,statefulsets/status,statefulsets/scale,daemonsets,daemonsets/status,deployments,deployments/status,deployments/scale,replicasets,replicasets/status,replicasets/scale
 R @ autoscaling : horizontalpodautoscalers,horizontalpodautoscalers/status
 R @ batch : jobs,cronjobs,cronjobs/status,jobs/status
 R @ extensions : daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses,ingresses/status,replicasets,replicasets/scale,replicasets/status,replicationcontrollers/scale,networkpolicies
 R @ policy : poddisruptionbudgets,poddisruptionbudgets/status
 R @ networking.k8s.io : networkpolicies,ingresses,ingresses/status
 R @ resource.k8s.io : resourceclaims,resourceclaims/status,resourceclaimtemplates
system:auth-delegator
 create @ authentication.k8s.io : tokenreviews
 create @ authorization.k8s.io : subjectaccessreviews
system:basic-user
 create @ authorization.k8s.io : selfsubjectaccessreviews,selfsubjectrulesreviews
 create @ authentication.k8s.io : selfsubjectreviews
system:certificates.k8s.io:certificatesigningrequests:nodeclient
 create @ certificates.k8s.io : certificatesigningrequests/nodeclient
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
 create @ certificates.k8s.io : certificatesigningrequests/selfnodeclient
system:certificates.k8s.io:kube-apiserver-client-approver
 approve @ certificates.k8s.io : signers ; kubernetes.io/kube-apiserver-client
system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
 approve @ certificates.k8s.io : signers ; kubernetes.io/kube-apiserver-client-kubelet
system:certificates.k8s.io:kubelet-serving-approver
 approve @ certificates.k8s.io : signers ; kubernetes.io/kubelet-serving
system:certificates.k8s.io:legacy-unknown-approver
 approve @ certificates.k8s.io : signers ; kubernetes.io/legacy-unknown
system:discovery
 get @ /livez,/readyz,/healthz,/version,/version/,/openapi,/openapi/*,/api,/api/*,/apis,/apis/*
system:heapster
 R @ core : events,pods,nodes,namespaces
 R @ extensions : deployments
system:kube-aggregator
 R @ core : services,endpoints
system:kube-controller-manager
 create,update,patch @ core,events.k8s.io : events
 create @ coordination.k8s.io : leases
 get,update @ coordination.k8s.io : leases ; kube-controller-manager
 create @ core : secrets,serviceaccounts
 delete @ core : secrets
 get @ core : namespaces,secrets,serviceaccounts,configmaps
 update @ core : secrets,serviceaccounts
 create @ authentication.k8s.io : tokenreviews
 create @ authorization.k8s.io : subjectaccessreviews
 list,watch @ * : *
 create @ core : serviceaccounts/token
system:kube-dns
 list,watch @ core : endpoints,services
 list,watch @ discovery.k8s.io : endpointslices
system:kube-scheduler
 create,update,patch @ core,events.k8s.io : events
 create @ coordination.k8s.io : leases
 get,list,watch @ coordination.k8s.io : leasecandidates
 get,update @ coordination.k8s.io : leases ; kube-scheduler
 R @ core : nodes
 get,list,watch,delete @ core : pods
 create @ core : pods/binding,bindings
 patch,update @ core : pods/status
 R @ core : services,replicationcontrollers
 R @ apps,extensions : replicasets
 R @ apps : statefulsets
 R @ policy : poddisruptionbudgets
 R @ core : persistentvolumeclaims,persistentvolumes
 create @ authentication.k8s.io : tokenreviews
 create @ authorization.k8s.io : subjectaccessreviews
 R @ storage.k8s.io : csinodes
 R @ core : namespaces
 R @ storage.k8s.io : csidrivers
 R @ storage.k8s.io : csistoragecapacities
 R @ storage.k8s.io : volumeattachments
 R @ resource.k8s.io : deviceclasses
 U @ resource.k8s.io : resourceclaims
 U @ resource.k8s.io : resourceclaims/status
 R @ resource.k8s.io : resourceslices
system:kubelet-api-admin
 R @ core : nodes
 proxy @ core : nodes
 * @ core : nodes/proxy,nodes/metrics,nodes/stats,nodes/log,nodes/pods,nodes/healthz,nodes/configz
system:monitoring
 get @ /metrics,/metrics/slis,/livez,/readyz,/healthz,/livez/*,/readyz/*,/healthz/*
system:node
 create @ authentication.k8s.io : tokenreviews
 create @ authorization.k8s.io : subjectaccessreviews,localsubjectaccessreviews
 R @ core : services
 create,get,list,watch @ core : nodes
 update,patch @ core : nodes/status
 update,patch @ core : nodes
 create,update,patch @ core,events.k8s.io : events
 R @ core : pods
 create,delete @ core : pods
 update,patch @ core : pods/status
 create @ core : pods/eviction
 R @ core : secrets,configmaps
 get @ core : persistentvolumeclaims,persistentvolumes
 get @ core : endpoints
 create,get,list,watch @ certificates.k8s.io : certificatesigningrequests
 get,create,update,patch,delete @ coordination.k8s.io : leases
 get @ storage.k8s.io : volumeattachments
 create @ core : serviceaccounts/token
 get,update,patch @ core : persistentvolumeclaims/status
 R @ storage.k8s.io : csidrivers
 get,create,update,patch,delete @ storage.k8s.io : csinodes
 R @ node.k8s.io : runtimeclasses
 get @ resource.k8s.io : resourceclaims
 deletecollection @ resource.k8s.io : resourceslices
system:node-bootstrapper
 create,get,list,watch @ certificates.k8s.io : certificatesigningrequests
system:node-problem-detector
 get @ core : nodes
 patch @ core : nodes/status
 create,update,patch @ core,events.k8s.io : events
system:node-proxier
 list,watch @ core : services,endpoints
 R @ core : nodes
 create,update,patch @ core,events.k8s.io : events
 list,watch @ discovery.k8s.io : endpointslices
 list,watch @ networking.k8s.io : servicecidrs
system:persistent-volume-provisioner
 get,list,watch,create,delete @ core : persistentvolumes
 get,list,watch,update @ core : persistentvolumeclaims
 R @ storage.k8s.io : storageclasses
 watch @ core : events
 create,update,patch @ core,events.k8s.io : events
system:public-info-viewer
 get @ /livez,/readyz,/healthz,/version,/version/
system:service-account-issuer-discovery
 get @ /.well-known/openid-configuration,/openid/v1/jwks
system:volume-scheduler
 U @ core : persistentvolumes
 R @ storage.k8s.io : storageclasses
 U @ core : persistentvolumeclaims
"""  # noqa: E501 (a rule is a line)

# role → whom it is bound to by a ClusterRoleBinding of the same name.
CLUSTER_ROLE_BINDINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "cluster-admin": (("Group", "system:masters"),),
    "system:monitoring": (("Group", "system:monitoring"),),
    "system:discovery": (("Group", "system:authenticated"),),
    "system:basic-user": (("Group", "system:authenticated"),),
    "system:public-info-viewer": (("Group", "system:authenticated"), ("Group", "system:unauthenticated")),
    "system:node-proxier": (("User", "system:kube-proxy"),),
    "system:kube-controller-manager": (("User", "system:kube-controller-manager"),),
    "system:kube-dns": (("ServiceAccount", "kube-dns"),),
    "system:kube-scheduler": (("User", "system:kube-scheduler"),),
    "system:volume-scheduler": (("User", "system:kube-scheduler"),),
    "system:node": (),  # Kubelets have the node authorizer.
    "system:service-account-issuer-discovery": (("Group", "system:serviceaccounts"),),
}
