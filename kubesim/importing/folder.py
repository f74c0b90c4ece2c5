"""A world as a scenario: a folder with scenario.yaml and manifests, the same to the byte for the same cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from kubesim.importing.assembling import World
from kubesim.importing.errors import ImportingError

MANIFESTS = "manifests"
FIRST_SECONDS, STAGE_SECONDS, REST_SECONDS = 0, 5, 60  # Accounts and claims first; then a stage after another.
FIRST_STAGES = ("10-cluster.yaml", "20-config.yaml")
NOT_A_NAME = re.compile(r"[^a-z0-9]+")


def write_scenario(world: World, folder: Path) -> Path:
    """Writes the folder; its scenario file. ImportingError if something is there already."""
    path = folder / "scenario.yaml"
    if path.exists() or (folder / MANIFESTS).exists():
        raise ImportingError(f"{folder} holds a scenario already; name another folder")
    try:
        (folder / MANIFESTS).mkdir(parents=True)
        for file, objects in world.stages.items():
            text = yaml.safe_dump_all(objects, sort_keys=True, default_flow_style=False, allow_unicode=True)
            (folder / MANIFESTS / file).write_text(text, encoding="utf-8")
        text = yaml.safe_dump(scenario_of(world, folder.name), sort_keys=False, allow_unicode=True, width=110)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ImportingError(f"{folder} cannot be written ({error.strerror})") from None
    return path


def scenario_of(world: World, name: str) -> dict[str, Any]:
    """The scenario file: the machines, then the objects stage by stage, then the cordons."""
    steps: list[dict[str, Any]] = []
    first = [f"create -f {MANIFESTS}/{file}" for file in world.stages if file in FIRST_STAGES]
    if first:
        steps.append({"at": f"{FIRST_SECONDS}s", "kubectl": first})
    seconds = STAGE_SECONDS
    for file in [file for file in world.stages if file not in FIRST_STAGES]:
        steps.append({"at": f"{seconds}s", "kubectl": [f"create -f {MANIFESTS}/{file}"]})
        seconds += 1
    if world.cordoned:
        steps.append({"at": f"{seconds}s", "kubectl": [f"cordon {node}" for node in world.cordoned]})
    if not steps:
        steps.append({"at": "0s", "say": "Nothing runs on these nodes."})
    counts = f"{len(world.nodes)} nodes, {sum(map(len, world.stages.values()))} objects"
    clean = NOT_A_NAME.sub("-", name.lower()).strip("-") or "imported"
    return {
        "apiVersion": "kubesim.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": {"name": re.sub(r"^\d+-", "", clean) or "imported"},
        "spec": {
            "title": f"An imported cluster: {counts}",
            "about": "\n\n".join(["Imported by `kubesim import`; Secrets are empty.", *world.notes]),
            "cluster": {"nodes": list(world.nodes)},
            "until": f"{seconds + REST_SECONDS}s",
            "steps": steps,
        },
    }
