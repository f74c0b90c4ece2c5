"""Three releases of kubectl, as they are, against one `kubesim start`: what people type every day."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

VERSIONS = ("1.32", "1.35", "1.37")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {a: '1'}\n"
CHANGED = CONFIG.replace("'1'", "'2'")
# What is typed, how it ends, what it says among other things, what it reads.
EVERY_DAY: tuple[tuple[str, int, str, str], ...] = (
    ("version", 0, "Server Version: v1.36.2", ""),
    ("cluster-info", 0, "control plane", ""),
    ("api-resources --api-group=apps -o name", 0, "deployments.apps", ""),
    ("api-versions", 0, "autoscaling/v2", ""),
    ("get nodes -o wide", 0, "containerd://", ""),
    ("run web --image=nginx --port=80 --labels=app=web", 0, "pod/web created", ""),
    ("create deployment d --image=nginx --replicas=2", 0, "deployment.apps/d created", ""),
    ("expose deployment d --port=80", 0, "service/d exposed", ""),
    ("create job j --image=busybox -- echo done", 0, "job.batch/j created", ""),
    ("wait --for=condition=Ready pod/web --timeout=30s", 0, "pod/web condition met", ""),
    ("rollout status deployment/d --timeout=30s", 0, 'deployment "d" successfully rolled out', ""),
    ("get all", 0, "replicaset.apps/d-", ""),
    ("get pods -l app=d --field-selector=status.phase=Running -o name", 0, "pod/d-", ""),
    ("get pod web -o jsonpath={.status.phase}", 0, "Running", ""),
    ("get deploy -o custom-columns=NAME:.metadata.name,N:.spec.replicas", 0, "d      2", ""),
    ("describe pod web", 0, "Successfully assigned", ""),
    ("describe node node-1", 0, "Allocatable:", ""),
    ("logs web", 0, "start worker process", ""),
    ("exec web -- sh -c exit\\ 3", 3, "command terminated with exit code 3", ""),
    ("exec -i web -- cat", 0, "typed\n", "typed\n"),
    ("cp /etc/hostname web:/tmp/copied", 0, "", ""),
    ("exec web -- test -s /tmp/copied", 0, "", ""),
    ("explain pod.spec.containers.image", 0, "FIELD: image <string>", ""),
    ("apply -f -", 0, "configmap/cfg created", CONFIG),
    ("apply -f -", 0, "configmap/cfg unchanged", CONFIG),
    ("diff -f -", 1, '+  a: "2"', CHANGED),
    ("apply -f -", 0, "configmap/cfg configured", CHANGED),
    ("apply --server-side --field-manager=other -f -", 1, "conflict", CONFIG),
    ("apply --server-side --force-conflicts -f -", 0, "configmap/cfg serverside-applied", CONFIG),
    ("diff --server-side --force-conflicts -f -", 1, '+  a: "2"', CHANGED),
    ("apply -f -", 1, 'unknown field "dta"', CONFIG + "dta: {}\n"),
    ("apply --prune --all --prune-allowlist=core/v1/Secret -f -", 0, "configmap/cfg", CONFIG),
    ('patch configmap cfg -p {"data":{"b":"3"}}', 0, "configmap/cfg patched", ""),
    ("label pod web tier=front", 0, "pod/web labeled", ""),
    ("annotate pod web why=test", 0, "pod/web annotated", ""),
    ("replace -f -", 0, "configmap/cfg replaced", CONFIG),
    ("create secret generic s --from-literal=a=b", 0, "secret/s created", ""),
    ("scale deployment d --replicas=3", 0, "deployment.apps/d scaled", ""),
    ("set image deployment/d nginx=nginx:1.27", 0, "deployment.apps/d image updated", ""),
    ("rollout history deployment/d", 0, "REVISION", ""),
    ("rollout undo deployment/d", 0, "deployment.apps/d rolled back", ""),
    ("rollout restart deployment/d", 0, "deployment.apps/d restarted", ""),
    ("autoscale deployment d --min=1 --max=3", 0, "horizontalpodautoscaler.autoscaling/d autoscaled", ""),
    ("wait --for=condition=Complete job/j --timeout=30s", 0, "job.batch/j condition met", ""),
    ("logs job/j", 0, "done", ""),
    ("events", 0, "SuccessfulCreate", ""),
    ("get events --for=pod/web", 1, "unknown flag", ""),
    ("top pods", 1, "error: Metrics API not available", ""),
    ("top nodes", 1, "error: Metrics API not available", ""),
    ("auth can-i create pods", 0, "yes", ""),
    ("auth can-i create pods --as=somebody", 1, "no", ""),
    ("auth whoami", 0, "kubernetes-admin", ""),
    ("debug web --image=busybox -c dbg --attach=false -q", 0, "", ""),
    ("get pod web -o jsonpath={.spec.ephemeralContainers[0].name}", 0, "dbg", ""),
    ("create token default", 0, "ey", ""),
    ("get --raw /readyz", 0, "ok", ""),
    ("get pod nope", 1, 'Error from server (NotFound): pods "nope" not found', ""),
    ("delete pod web --grace-period=1", 0, 'pod "web" deleted', ""),
    ("delete deployment,service,job,hpa --all", 0, 'deployment.apps "d" deleted', ""),
)  # fmt: skip


@pytest.fixture(params=VERSIONS)
def kubectl(request: pytest.FixtureRequest, programs_of: Callable[[str], Path], served: Any) -> Any:
    """One release, in a namespace of its own."""
    program = str(programs_of(request.param) / "kubectl")
    namespace = f"{request.function.__name__.replace('_', '-')}-{request.param.replace('.', '-')}"
    told = json.loads(served.run(program, "version", "--client", "-o", "json"))["clientVersion"]
    assert f"{told['major']}.{told['minor']}" == request.param
    served.run(program, "create", "namespace", namespace)
    yield (program, "-n", namespace)
    served.run(program, "delete", "namespace", namespace, "--wait=false")


def words_of(line: str) -> list[str]:
    """A line at its spaces, but for those behind a backslash."""
    return [word.replace("\0", " ") for word in line.replace("\\ ", "\0").split()]


def test_every_day(kubectl: Any, served: Any) -> None:
    """Teaches: no release of kubectl needs anything special."""
    for line, code, said, typed in EVERY_DAY:
        done = served.try_(*kubectl, *words_of(line), stdin=typed)
        assert (done.code, said in done.output) == (code, True), f"kubectl {line}: {done.code}\n{done.output}"


def test_a_port_is_forwarded(kubectl: Any, served: Any) -> None:
    """Teaches: a port of a Pod becomes one of this machine, over WebSockets since kubectl 1.31."""
    served.run(*kubectl, "run", "web", "--image=nginx", "--port=80")
    served.run(*kubectl, "wait", "--for=condition=Ready", "pod/web", "--timeout=30s")
    command = (*kubectl, "port-forward", "pod/web", ":80")
    with subprocess.Popen(command, env=served.environment, stdout=subprocess.PIPE, text=True) as forwarding:
        try:
            assert forwarding.stdout is not None
            port = forwarding.stdout.readline().split(" ->")[0].rpartition(":")[2]
            assert "Welcome to nginx!" in served.run("curl", "-s", f"http://127.0.0.1:{port}/")
        finally:
            os.kill(forwarding.pid, signal.SIGTERM)
