"""What can be set about a scheduler, named as in KubeSchedulerConfiguration v1.

Upstream: pkg/scheduler/apis/config. Left out: reading it from a file, plugin arguments.
"""

from __future__ import annotations

import msgspec

from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.pod_info import DEFAULT_SCHEDULER_NAME


class Profile(msgspec.Struct, frozen=True):
    """A scheduler by name: Pods choose it with spec.schedulerName."""

    scheduler_name: str = DEFAULT_SCHEDULER_NAME
    plugins: tuple[Registration, ...] = DEFAULT_PLUGINS


class SchedulerConfiguration(msgspec.Struct, frozen=True):
    """The defaults are kube-scheduler's. `parallel_writes` bounds bindings and status patches under way."""

    profiles: tuple[Profile, ...] = (Profile(),)
    percentage_of_nodes_to_score: int = 0  # 0: adapts to the size of the cluster.
    pod_initial_backoff_seconds: int = 1
    pod_max_backoff_seconds: int = 10
    leader_elect: bool = True
    host: str = "control-plane"
    parallel_writes: int = 64
