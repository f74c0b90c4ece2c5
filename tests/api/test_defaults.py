from __future__ import annotations

from typing import Any

import orjson
import pytest

from kubesim.api.defaults import DEFAULTS, default, image_pull_policy
from kubesim.api.resources import BY_KIND, CONFIG_MAPS, DEPLOYMENTS, PODS

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What is not defaulting's work: admission and the registries add these later.
ADDED_LATER = {
    "Pod": ("volumes", "serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy",
            "nodeName"),
    "Job": ("selector", "manualSelector"),
    "Service": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"),
}  # fmt: skip


def of(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}
    return default(BY_KIND[api_version, kind], obj)


def pod(**spec: Any) -> dict[str, Any]:
    return of("v1", "Pod", spec={"containers": [{"name": "c", "image": "nginx"}], **spec})


def container(**fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = pod(containers=[{"name": "c", "image": "nginx:1", **fields}])["spec"]["containers"][0]
    return made


def test_what_the_real_server_sent_has_all_its_defaults(served):
    """Teaches: defaulting is idempotent, and adds nothing that the real server would not."""
    for obj in served:
        assert default(BY_KIND[obj["apiVersion"], obj["kind"]], obj) is obj


def test_a_manifest_becomes_what_the_real_server_made_of_it(served, schema):
    """Teaches: decoding and defaulting together, against recordings of `kubectl apply`."""
    compared = set()
    for obj in served:
        applied = (obj["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        if (
            not applied
            or "spec" not in obj
            or obj["metadata"].get("generation", 1) > 1
            or not obj["metadata"].get("name")
        ):
            continue
        manifest = orjson.loads(applied)
        if manifest["kind"] != obj["kind"]:
            continue  # A ReplicaSet or ControllerRevision carries its owner's annotation.
        manifest = schema.decode(manifest["apiVersion"], manifest["kind"], manifest, "Strict").object
        made = default(BY_KIND[obj["apiVersion"], obj["kind"]], manifest)
        assert settled(made) == settled(obj)
        compared.add(obj["kind"])
    assert compared >= {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service"}


def settled(obj: dict[str, Any]) -> dict[str, Any]:
    """The spec without what comes later on the request's way."""
    spec = {name: value for name, value in obj["spec"].items() if name not in ADDED_LATER.get(obj["kind"], ())}
    if obj["kind"] == "Pod":
        for part in spec["containers"]:
            part.pop("volumeMounts", None)
    if obj["kind"] == "Job":
        spec["template"] = {**spec["template"], "metadata": {}}
    return spec


def test_a_plain_pod_gets_these():
    """Teaches: how much of `kubectl get -o yaml` nobody wrote."""
    spec = pod()["spec"]
    assert spec == {
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


def test_what_is_set_is_never_changed():
    """Teaches: zero is a value too."""
    spec = pod(terminationGracePeriodSeconds=0, restartPolicy="Never", enableServiceLinks=False)["spec"]
    assert (spec["terminationGracePeriodSeconds"], spec["restartPolicy"]) == (0, "Never")
    assert spec["enableServiceLinks"] is False
    assert of("apps/v1", "Deployment", spec={"replicas": 0, "template": {}})["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"), ("nginx:latest", "Always"), ("nginx:1.25", "IfNotPresent"), ("", "Always"),
        ("registry:5000/nginx", "Always"), ("registry:5000/nginx:2", "IfNotPresent"),
        ("nginx@sha256:ab", "IfNotPresent"), ("nginx:latest@sha256:ab", "Always"),
        ("nginx:1@sha256:ab", "IfNotPresent"),
    ],
)  # fmt: skip
def test_only_the_latest_image_is_always_pulled(image, policy):
    """Teaches: no tag means latest, unless a digest says exactly which; a port is no tag."""
    assert image_pull_policy(image) == policy
    assert container(image=image)["imagePullPolicy"] == policy


def test_requests_come_from_limits_in_a_pod_but_not_in_a_template():
    """Teaches: a template stays as it was written; its Pods get the requests."""
    resources = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}
    assert container(resources=resources)["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    template = {"spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}}
    made = of("apps/v1", "ReplicaSet", spec={"template": template})["spec"]["template"]["spec"]
    assert made["containers"][0]["resources"] == resources
    assert "enableServiceLinks" not in made


def test_probes_have_timings_and_http_probes_a_path():
    """Teaches: every ten seconds, one second to answer, three failures."""
    made = container(
        livenessProbe={"httpGet": {"port": 80}}, readinessProbe={"grpc": {"port": 1}, "periodSeconds": 5},
        lifecycle={"preStop": {"httpGet": {"port": 80, "path": "/bye"}}},
    )  # fmt: skip
    assert made["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    }  # fmt: skip
    assert made["readinessProbe"]["periodSeconds"] == 5
    assert made["readinessProbe"]["grpc"] == {"port": 1, "service": ""}
    assert made["lifecycle"]["preStop"]["httpGet"] == {"port": 80, "path": "/bye", "scheme": "HTTP"}


def test_ports_are_tcp_and_on_the_host_the_same_in_the_hosts_network():
    """Teaches: with host networking, every port is a host port."""
    assert container(ports=[{"containerPort": 80}])["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]
    made = pod(hostNetwork=True, containers=[{"name": "c", "image": "i", "ports": ports}])["spec"]["containers"][0]
    assert [port["hostPort"] for port in made["ports"]] == [80, 8081]


def test_environment_fields_name_a_version():
    """Teaches: the downward API reads fields of v1 Pods."""
    made = container(env=[{"name": "n", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "v"}])
    assert made["env"][0]["valueFrom"]["fieldRef"] == {"fieldPath": "metadata.name", "apiVersion": "v1"}
    assert made["env"][1] == {"name": "v"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, {"emptyDir": {}}),
        ({"emptyDir": {"medium": "Memory"}}, {"emptyDir": {"medium": "Memory"}}),
        ({"configMap": {"name": "c"}}, {"configMap": {"name": "c", "defaultMode": 420}}),
        ({"secret": {"secretName": "s", "defaultMode": 256}}, {"secret": {"secretName": "s", "defaultMode": 256}}),
        ({"hostPath": {"path": "/"}}, {"hostPath": {"path": "/", "type": ""}}),
        ({"image": {"reference": "i:1"}}, {"image": {"reference": "i:1", "pullPolicy": "IfNotPresent"}}),
        ({"nfs": {"server": "s", "path": "/"}}, {"nfs": {"server": "s", "path": "/"}}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {"projected": {"defaultMode": 420,
                           "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}},
        ),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"downwardAPI": {"defaultMode": 420, "items": [
                {"path": "p", "fieldRef": {"fieldPath": "metadata.labels", "apiVersion": "v1"}}]}},
        ),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"ephemeral": {"volumeClaimTemplate": {"metadata": {}, "spec": {"volumeMode": "Filesystem"}}}},
        ),
    ],
)  # fmt: skip
def test_volumes_get_modes_and_types(source, expected):
    """Teaches: a volume without a source is an empty directory; files are 0644, which is 420."""
    volume = pod(volumes=[{"name": "v", **source}])["spec"]["volumes"][0]
    assert volume == {"name": "v", **expected}


def test_both_names_of_the_service_account_are_kept_in_step():
    """Teaches: the field was renamed long ago and both names are served."""
    assert pod(serviceAccountName="a")["spec"]["serviceAccount"] == "a"
    assert pod(serviceAccount="a")["spec"]["serviceAccountName"] == "a"


def test_statuses_carry_what_go_writes_of_an_empty_struct():
    """Teaches: `lastState: {}` and `lastProbeTime: null` are in every Pod, for no reason but Go's encoder."""
    status = {"conditions": [{"type": "Ready"}], "containerStatuses": [{"name": "c", "state": {"waiting": {}}}]}
    made = of("v1", "Pod", spec={"containers": []}, status=status)["status"]
    assert made["conditions"] == [{"type": "Ready", "lastProbeTime": None, "lastTransitionTime": None}]
    assert made["containerStatuses"] == [{"name": "c", "state": {"waiting": {}}, "lastState": {}}]


def test_a_changed_status_is_all_that_is_looked_at_when_the_spec_is_shared():
    """Teaches: the same trick as in decoding, for the most frequent write of all."""
    before = of("v1", "Pod", spec={"containers": []})
    stripped = {**before, "spec": {"containers": []}}
    after = {**stripped, "status": {"conditions": [{"type": "Ready"}]}}
    made = default(PODS, after, trusted=stripped)
    assert made["spec"] is stripped["spec"], "trusted, so not defaulted"
    assert made["status"]["conditions"][0]["lastProbeTime"] is None
    deployment = {"spec": {}, "status": {"replicas": 1}}
    assert default(DEPLOYMENTS, deployment, trusted={"spec": deployment["spec"]}) is deployment


def test_workloads():
    """Teaches: one replica, ten old revisions, a quarter at a time, ten minutes."""
    spec = of("apps/v1", "Deployment", spec={})["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    half = of("apps/v1", "Deployment", spec={"strategy": {"rollingUpdate": {"maxSurge": 1}}})["spec"]["strategy"]
    assert half["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": "25%"}
    recreate = of("apps/v1", "Deployment", spec={"strategy": {"type": "Recreate"}})["spec"]["strategy"]
    assert recreate == {"type": "Recreate"}
    daemon_set = of("apps/v1", "DaemonSet", spec={"updateStrategy": {"type": "OnDelete"}})
    assert daemon_set["spec"]["updateStrategy"] == {"type": "OnDelete"}
    stateful_set = of("apps/v1", "StatefulSet", spec={"volumeClaimTemplates": [{"metadata": {"name": "v"}}]})["spec"]
    assert stateful_set["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    claim = stateful_set["volumeClaimTemplates"][0]
    assert (claim["kind"], claim["spec"]["volumeMode"], claim["status"]) == (
        "PersistentVolumeClaim", "Filesystem", {"phase": "Pending"},
    )  # fmt: skip
    on_delete = of("apps/v1", "StatefulSet", spec={"updateStrategy": {"type": "OnDelete"}})["spec"]
    assert on_delete["updateStrategy"] == {"type": "OnDelete"}


def test_a_replication_controller_learns_its_labels_from_its_template():
    """Teaches: the elder of ReplicaSets needs no selector."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    made = of("v1", "ReplicationController", spec={"template": template})
    assert made["spec"]["selector"] == made["metadata"]["labels"] == {"app": "web"}
    assert made["spec"]["replicas"] == 1


def test_jobs():
    """Teaches: one run of one Pod, six retries; work queues have no completions."""
    template = {"metadata": {"labels": {"app": "work"}}}
    made = of("batch/v1", "Job", spec={"template": template})
    assert made["metadata"]["labels"] == {"app": "work"}
    spec = made["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"], spec["suspend"]) == (1, 1, 6, False)
    assert (spec["completionMode"], spec["podReplacementPolicy"]) == ("NonIndexed", "TerminatingOrFailed")
    queue = of("batch/v1", "Job", spec={"parallelism": 3, "backoffLimitPerIndex": 1})["spec"]
    assert "completions" not in queue
    assert queue["backoffLimit"] == 2**31 - 1
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    spec = of("batch/v1", "Job", spec={"podFailurePolicy": policy})["spec"]
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["status"] == "True"
    cron = of("batch/v1", "CronJob", spec={"schedule": "* * * * *", "jobTemplate": {}})["spec"]
    assert (cron["concurrencyPolicy"], cron["successfulJobsHistoryLimit"], cron["failedJobsHistoryLimit"]) == (
        "Allow",
        3,
        1,
    )


def test_services():
    """Teaches: a target port is the port itself; only what is reachable from outside has an outside policy."""
    spec = of("v1", "Service", spec={"ports": [{"port": 80}, {"port": 81, "targetPort": "http"}]})["spec"]
    assert [port["targetPort"] for port in spec["ports"]] == [80, "http"]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("ClusterIP", "None", "Cluster")
    assert "externalTrafficPolicy" not in spec
    assert of("v1", "Service", spec={"type": "NodePort"})["spec"]["externalTrafficPolicy"] == "Cluster"
    assert of("v1", "Service", spec={"externalIPs": ["1.2.3.4"]})["spec"]["externalTrafficPolicy"] == "Cluster"
    assert of("v1", "Service", spec={"type": "LoadBalancer"})["spec"]["allocateLoadBalancerNodePorts"] is True
    assert "internalTrafficPolicy" not in of("v1", "Service", spec={"type": "ExternalName"})["spec"]
    sticky = of("v1", "Service", spec={"sessionAffinity": "ClientIP"})["spec"]
    assert sticky["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    loose = of("v1", "Service", spec={"sessionAffinityConfig": {"clientIP": {}}})["spec"]
    assert "sessionAffinityConfig" not in loose


def test_a_namespace_bears_its_name_as_a_label():
    """Teaches: so that selectors of namespaces can name one."""
    made = of("v1", "Namespace", status={})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert made["status"]["phase"] == "Active"


def test_smaller_kinds():
    """Teaches: one default each."""
    capacity = {"cpu": "4"}
    assert of("v1", "Node", status={"capacity": capacity})["status"]["allocatable"] == capacity
    assert of("v1", "Secret")["type"] == "Opaque"
    assert of("v1", "Event")["eventTime"] is None
    assert of("v1", "PersistentVolume", spec={})["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert of("v1", "Endpoints", subsets=[{"ports": [{"port": 1}]}])["subsets"][0]["ports"][0]["protocol"] == "TCP"
    assert of("v1", "PodTemplate", template={"spec": {}})["template"]["spec"]["restartPolicy"] == "Always"
    assert of("v1", "ResourceQuota")["spec"] == {}
    assert of("scheduling.k8s.io/v1", "PriorityClass")["preemptionPolicy"] == "PreemptLowerPriority"
    assert of("storage.k8s.io/v1", "StorageClass")["volumeBindingMode"] == "Immediate"
    subjects = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]
    binding = of("rbac.authorization.k8s.io/v1", "RoleBinding", subjects=subjects)
    assert [subject.get("apiGroup", "") for subject in binding["subjects"]] == ["rbac.authorization.k8s.io", ""]
    endpoint_slice = of("discovery.k8s.io/v1", "EndpointSlice", ports=[{"port": 80}], endpoints=[{}])
    assert endpoint_slice["ports"] == [{"port": 80, "protocol": "TCP", "name": ""}]
    assert endpoint_slice["endpoints"] == [{"conditions": {}}]
    autoscaler = of("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 3, "behavior": {}})["spec"]
    assert autoscaler["minReplicas"] == 1
    assert autoscaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert autoscaler["behavior"]["scaleUp"]["selectPolicy"] == "Max"
    policy = of("networking.k8s.io/v1", "NetworkPolicy", spec={"egress": [{"ports": [{"port": 53}]}]})["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"][0]["ports"] == [{"port": 53, "protocol": "TCP"}]


def test_limits_of_containers_fill_each_other():
    """Teaches: max becomes the default limit, that the default request; min fills what is left."""
    limit = {"type": "Container", "max": {"cpu": "2"}, "default": {"memory": "1Gi"}, "min": {"pods": "1"}}
    made = of("v1", "LimitRange", spec={"limits": [limit, {"type": "Pod"}]})["spec"]["limits"]
    assert made[0]["default"] == {"cpu": "2", "memory": "1Gi"}
    assert made[0]["defaultRequest"] == {"cpu": "2", "memory": "1Gi", "pods": "1"}
    assert made[1] == {"type": "Pod"}


def test_a_kind_without_defaults_is_left_alone():
    """Teaches: a ConfigMap has nothing to fill in."""
    obj = {"metadata": {"name": "c"}}
    assert default(CONFIG_MAPS, obj) is obj


def test_defaulting_is_pure_and_settles_at_once():
    """Teaches: the input is untouched, and a second round changes nothing."""
    for api_version, kind in DEFAULTS:
        resource = BY_KIND[api_version, kind]
        obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}
        before = repr(obj)
        made = default(resource, obj)
        assert repr(obj) == before
        assert default(resource, made) is made, kind
