"""Verbs that make objects: apply, create, run."""

from __future__ import annotations

from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS
from kubesim.api.stored import Object
from kubesim.client.kubectl.apply import apply_object
from kubesim.client.kubectl.command import Command, KubectlError
from kubesim.client.kubectl.session import Session, Target, located, pairs, resource_of

MADE = ("configmap", "deployment", "namespace")
SHORT = {"cm": "configmap", "deploy": "deployment", "ns": "namespace"}


async def apply_files(session: Session, command: Command) -> list[str]:
    """`kubectl apply -f FILE`."""
    namespace = session.namespace_of(command)
    return [
        await located(manifest, apply_manifest(session, manifest.object, namespace))
        for manifest in session.files(command)
    ]


async def apply_manifest(session: Session, manifest: Object, namespace: str) -> str:
    """`kubectl apply` of one object that is already read."""
    resource = resource_of(manifest)
    if "name" not in manifest["metadata"]:
        prefix = manifest["metadata"]["generateName"]
        raise KubectlError(f"from {prefix}: cannot use generate name with apply")
    outcome = await apply_object(session.client, resource, manifest, namespace)
    return f"{Target(resource, manifest['metadata']['name'], namespace).text} {outcome}"


async def create(session: Session, command: Command) -> list[str]:
    """`kubectl create -f FILE`, and of a Deployment, a Namespace or a ConfigMap without a file."""
    if len(command.words) == 1:
        return await _create_files(session, command)
    what = SHORT.get(command.words[1], command.words[1])
    if what not in MADE or len(command.words) != 3:
        known = ", ".join(MADE[:-1])
        raise KubectlError(
            f'"create {" ".join(command.words[1:])}" is not known here; '
            f"create {known} or {MADE[-1]} with a name, or write a manifest and use apply -f"
        )
    name, namespace = command.words[2], session.namespace_of(command)
    if what == "deployment":
        return [await session.create(DEPLOYMENTS, deployment(command, name), namespace)]
    if what == "namespace":
        made: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        return [await session.create(NAMESPACES, made, "")]
    data = pairs(command.flags.get("from-literal", ()))
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return [await session.create(CONFIG_MAPS, made, namespace)]


async def _create_files(session: Session, command: Command) -> list[str]:
    lines = []
    for manifest in session.files(command):
        resource = resource_of(manifest.object)
        where = manifest.object["metadata"].get("namespace") or session.namespace_of(command)
        creating = session.create(resource, manifest.object, where if resource.namespaced else "")
        lines.append(await located(manifest, creating))
    return lines


async def run_pod(session: Session, command: Command) -> list[str]:
    """`kubectl run NAME --image=IMAGE`: a bare Pod."""
    if len(command.words) != 2 or not command.flag("image"):
        raise KubectlError("run takes a name and --image, for instance: run hello --image=nginx")
    name = command.words[1]
    container = _with_ports(command, {"name": name, "image": command.flag("image"), "resources": {}})
    if command.rest:
        container["command" if command.switch("command") else "args"] = list(command.rest)
    if "env" in command.flags:
        container["env"] = [{"name": key, "value": value} for key, value in pairs(command.flags["env"]).items()]
    spec = {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": command.flag("restart", "Always")}
    labels = pairs(command.flag("labels").split(",")) if command.flag("labels") else {"run": name}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
    return [await session.create(PODS, pod, session.namespace_of(command))]


def deployment(command: Command, name: str) -> Object:
    """What `kubectl create deployment` makes."""
    image = command.flag("image")
    if not image:
        raise KubectlError("create deployment needs --image, for instance: create deployment web --image=nginx")
    labels = {"app": name}
    container: Object = {"name": image.rsplit("/", 1)[-1].split("@")[0].split(":")[0], "image": image, "resources": {}}
    container = _with_ports(command, container)
    if command.rest:
        container["command"] = list(command.rest)
    replicas = command.number("replicas")
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {
        "replicas": 1 if replicas is None else replicas,
        "selector": {"matchLabels": labels},
        "strategy": {},
        "template": template,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}


def _with_ports(command: Command, container: Object) -> Object:
    port = command.number("port")
    return container if port is None else {**container, "ports": [{"containerPort": port}]}
