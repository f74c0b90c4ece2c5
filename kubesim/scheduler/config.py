"""What can be set about a scheduler, named as in KubeSchedulerConfiguration v1.

A file is read by `kubesim.scheduler.config_file`. Upstream: pkg/scheduler/apis/config.
"""

from __future__ import annotations

import msgspec

from kubesim.scheduler.extender_config import ExtenderConfig
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration
from kubesim.scheduler.pod_info import DEFAULT_SCHEDULER_NAME


class Profile(msgspec.Struct, frozen=True):
    """A scheduler by name: Pods choose it with spec.schedulerName."""

    scheduler_name: str = DEFAULT_SCHEDULER_NAME
    plugins: tuple[Registration, ...] = DEFAULT_PLUGINS
    points: dict[str, tuple[str, ...]] | None = None  # Extension point → plugins in order; None: all where they can.
    percentage_of_nodes_to_score: int | None = None  # None: that of the configuration; 0: adapts.


class SchedulerConfiguration(msgspec.Struct, frozen=True):
    """The defaults are kube-scheduler's. `parallel_writes` bounds bindings and status patches under way.

    `annotates`: every attempt is written on its Pod as kube-scheduler-simulator does; no file says so.
    """

    profiles: tuple[Profile, ...] = (Profile(),)
    percentage_of_nodes_to_score: int = 0  # 0: adapts to the size of the cluster.
    pod_initial_backoff_seconds: int = 1
    pod_max_backoff_seconds: int = 10
    leader_elect: bool = True
    releases_lease: bool = False  # Who is told to end gives its lease back; who crashes does not.
    host: str = "control-plane"
    parallel_writes: int = 64
    extenders: tuple[ExtenderConfig, ...] = ()
    annotates: bool = False
