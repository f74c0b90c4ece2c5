"""From a scenario's `cluster` section to a cluster."""

from __future__ import annotations

from pathlib import Path

from kubesim.cluster import SimCluster
from kubesim.scenario.schema import Scenario


def cluster_of(scenario: Scenario, seed: int, folder: Path) -> SimCluster:
    """The cluster that a scenario describes, not booted yet."""
    raise NotImplementedError
