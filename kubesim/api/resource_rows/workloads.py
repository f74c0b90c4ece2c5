"""The rows of the groups that run and scale things: apps, batch, autoscaling, policy, scheduling.

Upstream: pkg/registry/{apps,batch,autoscaling,policy,scheduling}.
"""

from __future__ import annotations

from kubesim.api.resource_rows.row import Resource

DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", True, ("deploy",), ("all",), ("status", "scale"))
REPLICA_SETS = Resource("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ("all",), ("status", "scale"))
STATEFUL_SETS = Resource("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), ("all",), ("status", "scale"))
DAEMON_SETS = Resource("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), ("all",), ("status",))
CONTROLLER_REVISIONS = Resource("apps", "v1", "ControllerRevision", "controllerrevisions", has_generation=False)

JOBS = Resource("batch", "v1", "Job", "jobs", True, (), ("all",), ("status",), ("status.successful",))
CRON_JOBS = Resource("batch", "v1", "CronJob", "cronjobs", True, ("cj",), ("all",), ("status",))

HORIZONTAL_POD_AUTOSCALERS = Resource(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), ("all",), ("status",),
    has_generation=False,
)  # fmt: skip
HORIZONTAL_POD_AUTOSCALERS_V1 = Resource(
    "autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), ("all",), ("status",),
    has_generation=False, stored_as="autoscaling/v2",
)  # fmt: skip

POD_DISRUPTION_BUDGETS = Resource(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), (), ("status",)
)
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",))

ROWS: tuple[Resource, ...] = (
    CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, CRON_JOBS, JOBS,
    HORIZONTAL_POD_AUTOSCALERS, HORIZONTAL_POD_AUTOSCALERS_V1, POD_DISRUPTION_BUDGETS, PRIORITY_CLASSES,
)  # fmt: skip
