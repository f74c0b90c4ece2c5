"""From a scenario's `cluster` section to a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from kubesim.cluster import SimCluster
from kubesim.kubelet import HOLLOW, PLAUSIBLE, NodeConfig, Profile, default_nodes
from kubesim.scenario.containers import behaviour
from kubesim.scenario.kubelets import configuration
from kubesim.scenario.registries import act
from kubesim.scenario.schema import ClusterSpec, NodeSpec, Scenario
from kubesim.scheduler import ConfigurationError, SchedulerConfiguration


def nodes_of(scenario: Scenario, folder: Path | None = None) -> tuple[NodeConfig, ...]:
    """Its machines; `folder` is where the manifests of their static Pods are."""
    spec = scenario.spec.cluster
    if isinstance(spec.nodes, int):
        shared = configuration(spec.kubelet, folder)
        return tuple(
            msgspec.structs.replace(node, runtime=spec.runtime, configuration=shared)
            for node in default_nodes(spec.nodes)
        )
    return tuple(node_config(node, spec, folder) for node in spec.nodes)


def cluster_of(scenario: Scenario, seed: int, folder: Path, **more: Any) -> SimCluster:
    """The cluster that a scenario describes, not booted yet; `more` goes to SimCluster as it is."""
    spec = scenario.spec.cluster
    profile: Profile = HOLLOW if spec.behavior == "hollow" else PLAUSIBLE
    behaviours = {image: behaviour(found) for image, found in spec.images.items()}
    profile = msgspec.structs.replace(profile, behaviours=behaviours)
    scheduler = scheduler_of(scenario, folder)
    described = {"behavior": profile, "scheduler": scheduler, "folder": folder}
    nodes = more.pop("nodes") if "nodes" in more else nodes_of(scenario, folder)
    cluster = SimCluster(nodes, seed=seed, **{**described, **more})
    for action in spec.registries:
        act(cluster.registries, action)
    return cluster


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


def node_config(node: NodeSpec, cluster: ClusterSpec, folder: Path | None = None) -> NodeConfig:
    """One node in the kubelet's own terms."""
    capacity = {
        "cpu": str(node.cpu),
        "ephemeral-storage": str(node.disk),
        "memory": str(node.memory),
        "pods": str(node.pods),
        **{name: str(amount) for name, amount in node.resources.items()},
    }
    allocatable = {name: str(amount) for name, amount in node.allocatable.items()}
    taints = tuple({key: value for key, value in taint.model_dump().items() if value} for taint in node.taints)
    return NodeConfig(
        name=node.name,
        capacity=capacity,
        allocatable={**capacity, **allocatable} if allocatable else None,
        labels=node.labels,
        taints=taints,
        images=tuple(node.images),
        runtime=node.runtime or cluster.runtime,
        serialize_image_pulls=node.parallel_pulls == 1,
        max_parallel_image_pulls=node.parallel_pulls,
        configuration=configuration(node.kubelet or cluster.kubelet, folder),
    )
