"""From a scenario's `cluster` section to a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from kubesim.cluster import SimCluster
from kubesim.kubelet import HOLLOW, PLAUSIBLE, Behaviour, NodeConfig, Profile, default_nodes
from kubesim.scenario.schema import ContainerBehavior, NodeSpec, Scenario
from kubesim.scheduler import ConfigurationError, SchedulerConfiguration


def nodes_of(scenario: Scenario) -> tuple[NodeConfig, ...]:
    """Its machines."""
    nodes = scenario.spec.cluster.nodes
    return default_nodes(nodes) if isinstance(nodes, int) else tuple(map(node_config, nodes))


def cluster_of(scenario: Scenario, seed: int, folder: Path, **more: Any) -> SimCluster:
    """The cluster that a scenario describes, not booted yet; `more` goes to SimCluster as it is."""
    spec = scenario.spec.cluster
    profile: Profile = HOLLOW if spec.behavior == "hollow" else PLAUSIBLE
    behaviours = {image: behaviour(found) for image, found in spec.images.items()}
    profile = msgspec.structs.replace(profile, behaviours=behaviours)
    scheduler = scheduler_of(scenario, folder)
    described = {"behavior": profile, "scheduler": scheduler, "folder": folder}
    return SimCluster(more.pop("nodes", nodes_of(scenario)), seed=seed, **{**described, **more})


def scheduler_of(scenario: Scenario, folder: Path) -> SchedulerConfiguration | None:
    """How its scheduler is configured; ConfigurationError if the file is wrong."""
    spec = scenario.spec.cluster
    found = None
    if spec.scheduler_config:
        from kubesim.scheduler.config_file import read_configuration  # Most scenarios have none.

        found = read_configuration(folder / spec.scheduler_config)
        if outside := [each.url_prefix for each in found.extenders if each.call is None]:
            why = "a run in virtual time cannot wait for HTTP; name a callable instead, such as file.py:function"
            raise ConfigurationError([f'extenders: Invalid value: "{outside[0]}": {why}'])
    if spec.scheduler_annotations:
        found = msgspec.structs.replace(found or SchedulerConfiguration(), annotates=True)
    return found


def node_config(node: NodeSpec) -> NodeConfig:
    """One node in the kubelet's own terms."""
    capacity = {
        "cpu": str(node.cpu),
        "ephemeral-storage": "61255492Ki",
        "memory": str(node.memory),
        "pods": str(node.pods),
    }
    taints = tuple({key: value for key, value in taint.model_dump().items() if value} for taint in node.taints)
    return NodeConfig(name=node.name, capacity=capacity, labels=node.labels, taints=taints)


def behaviour(found: ContainerBehavior) -> Behaviour:
    """What a container does, in the runtime's own terms."""
    return Behaviour(
        start_seconds=found.start_delay,
        run_seconds=found.runs_for,
        exit_code=found.exit_code,
        ready_after_seconds=found.ready_after,
        live_for_seconds=found.healthy_for,
        stop_seconds=found.stop_time,
    )
