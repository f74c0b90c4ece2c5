"""The addon metrics-server, `kubectl top` and `kubectl autoscale` against `kubesim start`."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {kubesim.dev/behavior: '{"cpuMilli": 90}'}}
    spec:
      containers: [{name: web, image: nginx, resources: {requests: {cpu: 100m}}}]
"""


def test_metrics_server(served: Any) -> None:
    """Teaches: off, `kubectl top` answers as on a fresh cluster; on, as on one with metrics-server."""
    kubectl, kubesim = served.kubectl, served.kubesim
    assert kubesim("addons", "list").split()[:2] == ["metrics-server", "disabled"]
    assert served.try_("kubectl", "top", "nodes") == (1, "error: Metrics API not available\n")
    kubectl("apply", "-f", "-", stdin=WEB)
    kubesim("pause")
    assert kubesim("addons", "enable", "metrics-server") == "addon metrics-server is enabled\n"
    refused = served.try_("kubectl", "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    words = "the server is currently unable to handle the request"
    assert refused == (1, f"Error from server (ServiceUnavailable): {words}\n")
    assert served.try_("kubectl", "top", "nodes") == (1, "error: Metrics API not available\n")
    kubesim("step", "40")
    assert kubectl("get", "apiservice", "v1beta1.metrics.k8s.io", "--no-headers").split()[:3] == [
        "v1beta1.metrics.k8s.io", "kube-system/metrics-server", "True",
    ]  # fmt: skip
    assert "1/1" in kubectl("get", "deployment", "-n", "kube-system", "metrics-server", "--no-headers")
    rows = [line.split() for line in kubectl("top", "nodes", "--no-headers").splitlines()]
    assert [row[0] for row in rows] == ["node-1", "node-2", "node-3"]
    assert "150m" in [row[1] for row in rows]
    assert kubectl("top", "pods", "--no-headers").split()[1:] == ["90m", "20Mi"]
    assert kubectl("top", "pods", "-l", "app=web", "--containers", "--no-headers").split()[1:] == ["web", "90m", "20Mi"]
    metrics = json.loads(kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"))
    assert [container["usage"]["cpu"] for container in metrics["items"][0]["containers"]] == ["90m"]
    assert kubectl("autoscale", "deployment", "web", "--min=1", "--max=2", "--cpu-percent=50")
    kubesim("step", "60")
    assert kubectl("get", "hpa", "--no-headers").split()[2:7] == ["cpu:", "90%/50%", "1", "2", "2"]
    kubesim("resume")


def test_an_addon_stays_on(served: Any) -> None:
    """Teaches: a profile remembers its addons."""
    served.kubesim("addons", "enable", "metrics-server")
    served.kubesim("stop")
    served.kubesim("start")
    assert json.loads(served.kubesim("addons", "list", "-o", "json"))[0]["enabled"] is True
    served.kubesim("pause")
    served.kubesim("step", "40")
    assert "node-1" in served.kubectl("top", "nodes")
    served.kubesim("resume")
    assert served.kubesim("addons", "disable", "metrics-server") == "addon metrics-server is disabled\n"
    assert served.try_("kubectl", "top", "nodes") == (1, "error: Metrics API not available\n")
    refused = served.try_("kubectl", "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    assert refused == (1, "Error from server (NotFound): the server could not find the requested resource\n")
