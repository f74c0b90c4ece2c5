"""What a program with kr8s does; ends with code 0 if all of it worked."""

import kr8s
from kr8s.objects import ConfigMap, Deployment, Pod

assert kr8s.version()["gitVersion"] == "v1.36.2"
assert [node.name for node in kr8s.get("nodes")] == ["node-1", "node-2", "node-3"]

pod = Pod({"metadata": {"name": "kr"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}})
pod.create()
pod.wait("condition=Ready", timeout=30)
pod.label({"tier": "front"})
pod.refresh()
assert pod.labels["tier"] == "front"
assert pod.ready()
assert "start worker process" in list(pod.logs())[-1]
assert pod.exec(["echo", "hi"]).stdout == b"hi\n"

template = {"metadata": {"labels": {"app": "kr"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
spec = {"replicas": 1, "selector": {"matchLabels": {"app": "kr"}}, "template": template}
deployment = Deployment({"metadata": {"name": "kr"}, "spec": spec})
deployment.create()
deployment.scale(2)
deployment.wait("condition=Available", timeout=30)
assert len(deployment.pods()) == 2

config_map = ConfigMap({"metadata": {"name": "kr"}, "data": {"a": "1"}})
config_map.create()
config_map.patch({"data": {"b": "2"}})
assert config_map.data == {"a": "1", "b": "2"}
for each in (config_map, deployment, pod):
    each.delete()
