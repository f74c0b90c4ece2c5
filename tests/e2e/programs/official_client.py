"""What a program with the official `kubernetes` client does; ends with code 0 if all of it worked."""

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()

# Lists, create, watch.
assert [node.metadata.name for node in core.list_node().items] == ["node-1", "node-2", "node-3"]
spec = client.V1PodSpec(containers=[client.V1Container(name="c", image="nginx")])
pod = client.V1Pod(metadata=client.V1ObjectMeta(name="one", labels={"app": "one"}), spec=spec)
created = core.create_namespaced_pod("default", pod)
assert created.metadata.uid
watching = watch.Watch()
phases = []
for event in watching.stream(core.list_namespaced_pod, "default", label_selector="app=one", timeout_seconds=30):
    phases.append(event["object"].status.phase)
    if phases[-1] == "Running":
        watching.stop()
assert phases[0] == "Pending", phases
assert phases[-1] == "Running", phases

# Logs and exec.
assert "start worker process" in core.read_namespaced_pod_log("one", "default")
said = stream(
    core.connect_get_namespaced_pod_exec, "one", "default", command=["echo", "hi"],
    stderr=True, stdin=False, stdout=True, tty=False,
)  # fmt: skip
assert said == "hi\n", said

# Patch, scale, pages, refusals.
template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"app": "many"}), spec=spec)
selector = client.V1LabelSelector(match_labels={"app": "many"})
many = client.V1Deployment(
    metadata=client.V1ObjectMeta(name="many"),
    spec=client.V1DeploymentSpec(replicas=1, selector=selector, template=template),
)
apps.create_namespaced_deployment("default", many)
assert apps.patch_namespaced_deployment("many", "default", {"spec": {"replicas": 2}}).spec.replicas == 2
assert apps.patch_namespaced_deployment_scale("many", "default", {"spec": {"replicas": 3}}).spec.replicas == 3
page = core.list_config_map_for_all_namespaces(limit=1)
assert page.metadata._continue
assert core.list_config_map_for_all_namespaces(limit=1, _continue=page.metadata._continue).items
refusal = None
try:
    core.read_namespaced_pod("nope", "default")
except ApiException as error:
    refusal = (error.status, error.reason)
assert refusal == (404, "Not Found")

# The dynamic client, with server-side apply.
config_maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg"}, "data": {"a": "1"}}
applied = config_maps.server_side_apply(namespace="default", name="cfg", body=body, field_manager="me")
assert applied.data.a == "1"
config_maps.delete(name="cfg", namespace="default")

apps.delete_namespaced_deployment("many", "default")
core.delete_namespaced_pod("one", "default", grace_period_seconds=0)
