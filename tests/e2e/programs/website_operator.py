"""A kopf operator: a Website becomes a Deployment that belongs to it, and says so in its status."""

import kopf
import kubernetes

WEBSITES = ("example.com", "v1", "websites")


@kopf.on.startup()
def begin(**_):
    kubernetes.config.load_kube_config()


def deployment_of(name, spec):
    labels = {"website": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": spec["image"]}]}}
    wanted = {"replicas": spec["replicas"], "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": wanted}


@kopf.on.create(*WEBSITES)
def create(spec, name, namespace, body, patch, **_):
    deployment = deployment_of(name, spec)
    kopf.adopt(deployment)
    kubernetes.client.AppsV1Api().create_namespaced_deployment(namespace, deployment)
    kopf.info(body, reason="Deployed", message=f"{name} has a Deployment")
    patch.status["deployment"] = name


@kopf.on.update(*WEBSITES, field="spec.replicas")
def scale(new, name, namespace, **_):
    kubernetes.client.AppsV1Api().patch_namespaced_deployment(name, namespace, {"spec": {"replicas": new}})


@kopf.on.delete(*WEBSITES)
def delete(name, namespace, **_):
    """Because of this handler kopf puts a finalizer on every Website."""
    farewell = {"metadata": {"name": f"{name}-was-here"}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, farewell)
