"""Python clients as programs of their own: the official one, kr8s, and an operator made with kopf."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Needs = Callable[..., None]
PROGRAMS = Path(__file__).parent / "programs"
WEBSITES = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: websites.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: websites, singular: website, kind: Website, shortNames: [ws]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Replicas, type: integer, jsonPath: .spec.replicas}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [image]
            properties: {image: {type: string}, replicas: {type: integer, minimum: 1, default: 2}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
SITE = "apiVersion: example.com/v1\nkind: Website\nmetadata: {name: site}\nspec: {image: nginx}\n"
BAD = "apiVersion: example.com/v1\nkind: Website\nmetadata: {name: bad}\nspec: {image: nginx, replicas: 0}\n"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_the_official_client(served: Any, needs: Needs) -> None:
    """Teaches: lists, watches, patches, logs and exec from Python."""
    needs("kubernetes")
    served.run(sys.executable, str(PROGRAMS / "official_client.py"))


def test_kr8s(served: Any, needs: Needs) -> None:
    """Teaches: the same with a client that feels like kubectl."""
    needs("kr8s")
    served.run(sys.executable, str(PROGRAMS / "kr8s_client.py"))


@pytest.fixture
def operator(served: Any, needs: Needs) -> Iterator[Any]:
    """The operator, running; its kind exists."""
    needs("kopf", "kubernetes")
    served.kubectl("apply", "-f", "-", stdin=WEBSITES)
    served.kubectl("wait", "--for=condition=Established", "crd/websites.example.com", "--timeout=10s")
    log = served.home / "operator.log"
    command = [sys.executable, "-m", "kopf", "run", "--namespace=default", str(PROGRAMS / "website_operator.py")]
    with log.open("w") as out, subprocess.Popen(command, env=served.environment, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)
            print(log.read_text())


def test_an_operator(operator: Any, served: Any) -> None:
    """Teaches: a kind of one's own, a controller of one's own, and a finalizer that is waited for."""
    kubectl = served.kubectl
    refused = served.try_("kubectl", "apply", "-f", "-", stdin=BAD)
    assert "spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1" in (
        refused.output
    )
    assert kubectl("apply", "-f", "-", stdin=SITE) == "website.example.com/site created\n"
    kubectl("wait", "ws/site", "--for=jsonpath={.status.deployment}=site", "--timeout=30s")
    assert operator.poll() is None
    kubectl("rollout", "status", "deployment/site", "--timeout=30s")
    assert kubectl("get", "ws", "site", "--no-headers").split()[:2] == ["site", "2"]
    kubectl("patch", "ws", "site", "--type=merge", "-p", '{"spec":{"replicas":3}}')
    kubectl("wait", "deployment/site", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=30s")
    kubectl("wait", "--for=create", "events", "--field-selector=reason=Deployed", "--timeout=10s")
    assert "KopfFinalizerMarker" in kubectl("get", "ws", "site", "-o", "jsonpath={.metadata.finalizers}")
    assert kubectl("delete", "ws", "site", "--timeout=30s") == 'website.example.com "site" deleted\n'
    assert kubectl("get", "configmap", "site-was-here", "-o", "name") == "configmap/site-was-here\n"
    kubectl("wait", "--for=delete", "deployment/site", "--timeout=30s")
    assert "Deployed" in kubectl("get", "events", "--field-selector=reason=Deployed")
