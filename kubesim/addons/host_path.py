"""minikube's default storage: the StorageClass `standard`, and a provisioner that makes a folder of the node a volume.

Upstream: minikube's deploy/addons/{storageclass,storage-provisioner} and pkg/storage. As there, a folder is on the
machine where the Pod runs, and nothing ties the Pod to that machine.
"""

from __future__ import annotations

from kubesim.addons.program import Program
from kubesim.addons.provisioner import Kind, Provisioner
from kubesim.api.stored import Object
from kubesim.api.tokens import Trust
from kubesim.client.client import Client
from kubesim.sim import Simulation

PROVISIONER = "k8s.io/minikube-hostpath"
FOLDER = "/tmp/hostpath-provisioner"
SECONDS = 0.02
NAME, NAMESPACE = "storage-provisioner", "kube-system"
LABELS = {"addonmanager.kubernetes.io/mode": "EnsureExists"}
RECONCILED = {"addonmanager.kubernetes.io/mode": "Reconcile"}
ACCOUNT = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
RBAC = "rbac.authorization.k8s.io"

CLASS_OBJECTS: tuple[Object, ...] = (
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            "labels": LABELS,
        },
        "provisioner": PROVISIONER,
    },
)

PROVISIONER_OBJECTS: tuple[Object, ...] = (
    {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": RECONCILED},
    },
    {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME, "labels": LABELS},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:persistent-volume-provisioner"},
        "subjects": [ACCOUNT],
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"integration-test": NAME, **RECONCILED},
        },
        "spec": {
            "serviceAccountName": NAME,
            "hostNetwork": True,
            "containers": [
                {
                    "name": NAME,
                    "image": "gcr.io/k8s-minikube/storage-provisioner:v5",
                    "command": ["/storage-provisioner"],
                    "imagePullPolicy": "IfNotPresent",
                    "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],
                }
            ],
            "volumes": [{"name": "tmp", "hostPath": {"path": "/tmp", "type": "Directory"}}],
        },
    },
)


def make_program(sim: Simulation, client: Client, trust: Trust) -> Program:
    """The provisioner, with an identity of its own."""
    identity = sim.chance.uid()
    kind = Kind(PROVISIONER, SECONDS, folder_of, lambda _claim: {"hostPathProvisionerIdentity": identity})
    source = f"{PROVISIONER}_minikube_{identity}"
    return Program(sim, client, trust, [(lambda context: Provisioner(context, kind), source)])


def folder_of(claim: Object) -> Object:
    """The folder of a claim."""
    metadata = claim["metadata"]
    return {"hostPath": {"path": f"{FOLDER}/{metadata['namespace']}/{metadata['name']}", "type": ""}}
