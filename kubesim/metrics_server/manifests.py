"""What enabling metrics-server creates, in order; all of it can be seen and changed with kubectl.

As minikube's addon: an account and what it may, a Service, a Deployment, and the APIService that points to them.
"""

from __future__ import annotations

from kubesim.api.extension import METRICS_GROUP, METRICS_VERSION
from kubesim.api.stored import Object

NAMESPACE, SERVICE = "kube-system", "metrics-server"
IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.8.0"
PORT = 10250
APP = {"k8s-app": SERVICE}
LABELS = {**APP, "kubernetes.io/minikube-addons": SERVICE, "addonmanager.kubernetes.io/mode": "Reconcile"}
RBAC = "rbac.authorization.k8s.io"
SUBJECTS = [{"kind": "ServiceAccount", "name": SERVICE, "namespace": NAMESPACE}]
READ = ["get", "list", "watch"]
AGGREGATE = {f"{RBAC}/aggregate-to-{role}": "true" for role in ("admin", "edit", "view")}


def _role(name: str, rules: list[Object], labels: Object) -> Object:
    metadata = {"name": name, "labels": {**LABELS, **labels}}
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _binding(name: str, role: str, namespace: str = "") -> Object:
    metadata: Object = {"name": name, "labels": LABELS}
    if namespace:
        metadata["namespace"] = namespace
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "Role" if namespace else "ClusterRole", "name": role},
        "subjects": SUBJECTS,
    }


def _probe(path: str, delay_seconds: int) -> Object:
    get = {"path": path, "port": "https", "scheme": "HTTPS"}
    return {"httpGet": get, "initialDelaySeconds": delay_seconds, "periodSeconds": 10, "failureThreshold": 3}


_CONTAINER: Object = {
    "name": SERVICE,
    "image": IMAGE,
    "imagePullPolicy": "IfNotPresent",
    "args": [
        "--cert-dir=/tmp",
        f"--secure-port={PORT}",
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
        "--kubelet-use-node-status-port",
        "--metric-resolution=15s",
        "--kubelet-insecure-tls",
    ],
    "ports": [{"name": "https", "containerPort": PORT, "protocol": "TCP"}],
    "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}},
    "livenessProbe": _probe("/livez", 0),
    "readinessProbe": _probe("/readyz", 0),
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 1000,
    },
    "volumeMounts": [{"name": "tmp-dir", "mountPath": "/tmp"}],
}

MANIFESTS: tuple[Object, ...] = (
    {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": LABELS},
    },
    _role(
        "system:aggregated-metrics-reader",
        [{"apiGroups": [METRICS_GROUP], "resources": ["pods", "nodes"], "verbs": READ}],
        AGGREGATE,
    ),
    _role(
        f"system:{SERVICE}",
        [
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
            {
                "apiGroups": [""],
                "resources": ["pods", "nodes", "nodes/stats", "namespaces", "configmaps"],
                "verbs": READ,
            },
        ],
        {},
    ),
    _binding(f"system:{SERVICE}", f"system:{SERVICE}"),
    _binding(f"{SERVICE}:system:auth-delegator", "system:auth-delegator"),
    _binding(f"{SERVICE}-auth-reader", "extension-apiserver-authentication-reader", NAMESPACE),
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "selector": APP,
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": "https"}],
        },
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "selector": {"matchLabels": APP},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": APP},
                "spec": {
                    "serviceAccountName": SERVICE,
                    "priorityClassName": "system-cluster-critical",
                    "containers": [_CONTAINER],
                    "volumes": [{"name": "tmp-dir", "emptyDir": {}}],
                },
            },
        },
    },
    {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{METRICS_VERSION}.{METRICS_GROUP}", "labels": LABELS},
        "spec": {
            "group": METRICS_GROUP,
            "version": METRICS_VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": SERVICE, "namespace": NAMESPACE, "port": 443},
        },
    },
)
