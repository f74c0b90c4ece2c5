"""Placements as sets: how many Pods of each role went to how many nodes, not which twin went where.

Of several equal nodes the scheduler draws one, so what can be compared is the shape: three Pods on three nodes, or two
of them on one. Nodes that are equal (allocatable, labels, taints) may stand for each other; nodes that differ may not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson

from kubesim.api.stored import Object
from kubesim.compare.findings import Finding, Verdict
from kubesim.compare.recorded_run import RecordedRun
from kubesim.recording.names import without_pod_numbers

OWN_LABELS = {"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch",
              "beta.kubernetes.io/os", "minikube.k8s.io/name", "minikube.k8s.io/commit", "minikube.k8s.io/primary",
              "minikube.k8s.io/updated_at", "minikube.k8s.io/version"}  # fmt: skip
ROOM = ("cpu", "memory", "pods")
Shape = dict[str, list[int]]  # Class of nodes -> how many Pods each of them got, most first.


def placement_findings(a: RecordedRun, b: RecordedRun, *, exact: bool = False) -> Iterator[Finding]:
    """Where the Pods of a role went, step by step; `exact`: equal nodes do not stand for each other."""
    classes = None if exact else (classes_of(a.nodes), classes_of(b.nodes))
    if classes is not None and set(classes[0].values()) != set(classes[1].values()):
        classes = dict.fromkeys(a.nodes, "node"), dict.fromkeys(b.nodes, "node")  # Another machine: only the shape.
    theirs = spread_of(a, classes[0] if classes else {})
    ours = spread_of(b, classes[1] if classes else {})
    for step, role in theirs:
        wanted, got = theirs[step, role], ours.get((step, role))
        if got is None or sum(map(sum, wanted.values())) != sum(map(sum, got.values())):
            continue  # That one is missing is told elsewhere.
        verdict: Verdict = "same" if wanted == got else "different"
        yield Finding(verdict, "placement", step, f"Pod/{role}", "nodes", told(wanted), told(got))


def spread_of(run: RecordedRun, classes: dict[str, str]) -> dict[tuple[int, str], Shape]:
    """Per step and role: how many Pods the nodes of each class got."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    for placed in run.outcome.placements:
        counts.setdefault((placed.step, without_pod_numbers(placed.pod)), Counter())[placed.node] += 1
    shapes: dict[tuple[int, str], Shape] = {}
    for key, nodes in counts.items():
        shape: Shape = {}
        for node, number in sorted(nodes.items()):
            shape.setdefault(classes.get(node, node), []).append(number)
        shapes[key] = {name: sorted(numbers, reverse=True) for name, numbers in sorted(shape.items())}
    return shapes


def classes_of(nodes: dict[str, Object]) -> dict[str, str]:
    """Per node: the name of the first one that is equal to it."""
    known: dict[bytes, str] = {}
    return {name: known.setdefault(likeness(nodes[name]), name) for name in sorted(nodes)}


def likeness(node: Object) -> bytes:
    """What the scheduler sees of a node when it is new, without its name."""
    status, labels = node.get("status") or {}, node["metadata"].get("labels") or {}
    room = {name: (status.get("allocatable") or {}).get(name) for name in ROOM}
    own = {key: value for key, value in labels.items() if key not in OWN_LABELS}
    return orjson.dumps([room, own], option=orjson.OPT_SORT_KEYS)


def told(shape: Shape) -> str:
    """`2 on one node, 1 on another (like node-1)`."""
    parts = []
    for name, numbers in shape.items():
        amounts = " + ".join(str(number) for number in numbers)
        parts.append(f"{amounts} on {len(numbers)} node{'s' if len(numbers) > 1 else ''} like {name}")
    return ", ".join(parts)
