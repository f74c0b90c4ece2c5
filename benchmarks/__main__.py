"""`python -m benchmarks [NAME…]`: runs the benchmarks, each in a process of its own, and prints a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.clusters import idle, large, lesson
from benchmarks.https import https
from benchmarks.measure import Figure
from benchmarks.proxy import proxy
from benchmarks.scheduling import scheduling, scheduling_curve
from benchmarks.workloads import autoscalers, idle_objects, rack, rollout
from benchmarks.writes import creates, writes

BENCHMARKS = {
    "lesson": lesson,
    "writes": writes,
    "creates": creates,
    "idle": idle,
    "large": large,
    "scheduling": scheduling,
    "scheduling-curve": scheduling_curve,
    "rollout": rollout,
    "rack": rack,
    "autoscalers": autoscalers,
    "idle-objects": idle_objects,
    "https": https,
    "proxy": proxy,
}


def main() -> None:
    """Measures what is named, or everything."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there is {', '.join(BENCHMARKS)}")
    if os.environ.get("KUBESIM_BENCHMARK_CHILD"):
        print(json.dumps([figure for name in names for figure in BENCHMARKS[name]()]))
        return
    print(f"{'':<58} {'measured':>12}  {'budget':>10}")
    for name in names:
        environment = {**os.environ, "KUBESIM_BENCHMARK_CHILD": "1"}
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks", name], env=environment, capture_output=True, text=True, check=False
        )
        if child.returncode:
            sys.exit(f"{name} failed:\n{child.stderr}")
        for row in json.loads(child.stdout):
            print(line(Figure(*row)))


def line(figure: Figure) -> str:
    """One line of the table; ✘ marks a budget that is not met."""
    budget = "" if figure.budget is None else f"{figure.better} {figure.budget:g}"
    mark = {True: "✔", False: "✘", None: " "}[figure.met]
    return f"{figure.what:<58} {figure.measured:>12,.1f}  {budget:>10} {mark} {figure.unit}"


if __name__ == "__main__":
    main()
