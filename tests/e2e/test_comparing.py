"""Comparing, importing and asking, with a cluster that is served as the one of somebody else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KUBESIM = (sys.executable, "-m", "kubesim.cli.main")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    try:
        yield served
    finally:
        for profile in json.loads(served.kubesim("list", "-o", "json")):
            served.kubesim("delete", "-p", profile["name"])


def test_one_command_plays_on_both_sides_and_compares(cluster: Served) -> None:
    """Teaches: runs, recordings, comparison and page in one go."""
    cluster.kubesim("start", "-p", "demo")
    cluster.kubesim("speed", "5", "-p", "demo")
    page, runs = cluster.home / "report.html", cluster.home / "runs"
    options = ("--scenario", "scale-up-and-down", "--context", "demo", "--keep", str(runs), "--report", str(page))
    done = cluster.try_(*KUBESIM, "compare", *options, "--tolerance", "6s", "--slack", "5", seconds=200)
    assert done.code == 0, done.output
    assert "nothing differs" in done.output
    assert [path.name for path in sorted(runs.rglob("*.gz"))] == ["1.jsonl.gz", "1.jsonl.gz"]
    assert "Nothing differs." in page.read_text()


def test_a_live_cluster_is_imported_and_asked(cluster: Served) -> None:
    """Teaches: it is only read; its Pods stand in the copy where they stand here, and its secrets nowhere."""
    cluster.kubesim("start", "-p", "demo")
    cluster.kubectl("create", "deployment", "web", "--image=nginx", "--replicas=3")
    cluster.kubectl("create", "secret", "generic", "login", "--from-literal=password=hunter2")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    folder = cluster.home / "copy"
    cluster.kubesim("import", "--context", "demo", "-o", str(folder))
    assert not [path for path in folder.rglob("*.yaml") if "hunter2" in path.read_text() or "login" in path.read_text()]
    before = cluster.kubectl("get", "pods", "-o", "wide", "--no-headers")
    for place in (("--on", str(folder)), ("-p", "demo"), ("--context", "demo")):
        told = json.loads(cluster.kubesim("what-if", "drain", "node-2", *place, "-o", "json"))
        assert told["ok"] is True
        assert {move["node"] for move in told["moves"]} == {"node-2"}
    assert [line.split()[0] for line in cluster.kubectl("get", "pods", "-o", "wide", "--no-headers").splitlines()] == [
        line.split()[0] for line in before.splitlines()
    ]
