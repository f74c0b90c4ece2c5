"""helm 3 and helm 4 with the chart that `helm create` makes, against `kubesim start`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WAIT = ("--wait", "--timeout", "60s")


@pytest.mark.parametrize("version", ["1.32", "1.37"], ids=["helm-3", "helm-4"])
def test_the_life_of_a_release(version: str, programs_of: Callable[[str], Path], served: Any) -> None:
    """Teaches: a release is a Secret per revision; helm 3 merges patches, helm 4 applies on the server's side."""
    folder = programs_of(version)
    helm, kubectl = str(folder / "helm"), str(folder / "kubectl")
    namespace = f"with-{version.replace('.', '-')}"
    chart = str(served.home / namespace)
    served.run(helm, "create", chart)
    own = ("--namespace", namespace)

    def replicas() -> str:
        found: str = served.run(kubectl, *own, "get", "deployment", "-o", "jsonpath={.items[*].status.readyReplicas}")
        return found

    assert "STATUS: deployed" in served.run(helm, "install", "site", chart, *own, "--create-namespace", *WAIT)
    assert replicas() == "1"
    (listed,) = json.loads(served.run(helm, "list", *own, "-o", "json"))
    assert (listed["name"], listed["revision"], listed["status"]) == ("site", "1", "deployed")
    assert "has been upgraded" in served.run(helm, "upgrade", "site", chart, *own, "--set", "replicaCount=2", *WAIT)
    assert replicas() == "2"
    assert "REVISION: 2" in served.run(helm, "status", "site", *own)
    assert "Rollback was a success" in served.run(helm, "rollback", "site", "1", *own, *WAIT)
    assert replicas() == "1"
    history = json.loads(served.run(helm, "history", "site", *own, "-o", "json"))
    assert [entry["description"] for entry in history] == ["Install complete", "Upgrade complete", "Rollback to 1"]
    assert served.run(kubectl, *own, "get", "secrets", "-o", "name").count("sh.helm.release.v1.site.v") == 3
    assert "Succeeded" in served.run(helm, "test", "site", *own)
    assert 'release "site" uninstalled' in served.run(helm, "uninstall", "site", *own, *WAIT)
    assert served.run(kubectl, *own, "get", "deployments,services,secrets", "-o", "name") == ""
