"""`kubesim explain-schedule` on a cluster that is served, and `kubesim start --scheduler-annotations`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SIMULATOR = "kube-scheduler-simulator.sigs.k8s.io"
BIG = {"spec": {"containers": [{"name": "big", "image": "nginx", "resources": {"requests": {"cpu": "99"}}}]}}
GATED = {"spec": {"schedulingGates": [{"name": "example.com/wait"}]}}


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("annotated"))
    served.kubesim("start", "--scheduler-annotations")
    try:
        yield served
    finally:
        served.kubesim("delete")


def test_a_served_cluster_tells_why_a_pod_is_where_it_is(annotated: Served) -> None:
    """Teaches: the table for people and for programs agrees with the binding, and with the annotations."""
    annotated.kubectl("run", "web", "--image=nginx")
    annotated.kubectl("wait", "--for=condition=PodScheduled", "pod/web", "--timeout=30s")
    pod = json.loads(annotated.kubectl("get", "pod", "web", "-o", "json"))
    node = pod["spec"]["nodeName"]
    assert f"default/web   1          {node}" in annotated.kubesim("explain-schedule")
    told = annotated.kubesim("explain-schedule", "web")
    assert "NODE" in told
    assert f"chose {node}" in told or f"{node} is chosen" in told
    story = json.loads(annotated.kubesim("explain-schedule", "web", "-o", "json"))
    assert (story["node"], story["attempts"][0]["chosen"]) == (node, node)
    notes = pod["metadata"]["annotations"]
    assert notes[f"{SIMULATOR}/selected-node"] == node
    filtered = json.loads(notes[f"{SIMULATOR}/filter-result"])
    assert sorted(filtered) == ["node-1", "node-2", "node-3"]
    assert {verdict for plugins in filtered.values() for verdict in plugins.values()} == {"passed"}


def test_a_pod_that_waits_is_explained_in_numbers(annotated: Served) -> None:
    """Teaches: the numbers are of this moment; kube-scheduler's own text is that of the condition."""
    annotated.kubectl("run", "big", "--image=nginx", f"--overrides={json.dumps(BIG)}")
    annotated.kubectl("wait", "--for=condition=PodScheduled=False", "pod/big", "--timeout=30s")
    told = annotated.kubesim("explain-schedule", "big")
    assert "the Pod asks for 99" in told
    message = annotated.kubectl(
        "get", "pod", "big", "-o", 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'
    )
    assert f"kube-scheduler says: {message}" in told
    notes = json.loads(annotated.kubectl("get", "pod", "big", "-o", "jsonpath={.metadata.annotations}"))
    assert json.loads(notes[f"{SIMULATOR}/filter-result"])["node-1"]["NodeResourcesFit"] == "Insufficient cpu"


def test_what_cannot_be_explained_is_one_sentence(annotated: Served) -> None:
    """Teaches: a gate, a Pod that is not there, an attempt that was not made."""
    annotated.kubectl("run", "gated", "--image=nginx", f"--overrides={json.dumps(GATED)}")
    for arguments, words in {
        ("gated",): "waits at its scheduling gates (example.com/wait)",
        ("nobody",): 'there is no Pod "nobody" in the namespace "default"',
        ("web", "--attempt", "9"): "has no attempt 9; the last is 1",
    }.items():
        done = annotated.try_(sys.executable, "-m", "kubesim.cli.main", "explain-schedule", *arguments)
        assert (done.code, words in done.output, done.output.count("\n")) == (2, True, 1), done
