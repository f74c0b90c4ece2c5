"""Defaults of the apps group. Upstream: pkg/apis/apps/v1/defaults.go."""

from __future__ import annotations

from kubesim.api.defaults.copying import completed, each_at, filled, made_at
from kubesim.api.defaults.core import persistent_volume_claim
from kubesim.api.defaults.pods import template
from kubesim.api.stored import Object

_DEPLOYMENT = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_STATEFUL_SET = {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}
_QUARTER = {"maxUnavailable": "25%", "maxSurge": "25%"}
_ROLLING = {"type": "RollingUpdate"}
_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}


def deployment(obj: Object) -> Object:
    """A Deployment."""
    return made_at(completed(obj, {"status": {}}), "spec", _deployment_spec)


def _deployment_spec(spec: Object) -> Object:
    return made_at(made_at(filled(spec, _DEPLOYMENT), "template", template), "strategy", _deployment_strategy)


def _deployment_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, _ROLLING)
    if strategy["type"] != "RollingUpdate":
        return strategy
    return made_at(strategy, "rollingUpdate", lambda part: filled(part, _QUARTER))


def replica_set(obj: Object) -> Object:
    """A ReplicaSet."""

    def spec(part: Object) -> Object:
        return made_at(filled(part, {"replicas": 1}), "template", template)

    return made_at(completed(obj, {"status": {"replicas": 0}}), "spec", spec)


def stateful_set(obj: Object) -> Object:
    """A StatefulSet."""
    return made_at(completed(obj, {"status": {"replicas": 0, "availableReplicas": 0}}), "spec", _stateful_set_spec)


def _stateful_set_spec(spec: Object) -> Object:
    spec = made_at(filled(spec, _STATEFUL_SET), "template", template)
    spec = made_at(spec, "updateStrategy", _stateful_set_strategy)
    spec = made_at(spec, "persistentVolumeClaimRetentionPolicy", lambda policy: filled(policy, _RETAIN))
    return each_at(spec, "volumeClaimTemplates", _claim_template)


def _stateful_set_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, _ROLLING)
    if strategy["type"] != "RollingUpdate":
        return strategy
    return made_at(strategy, "rollingUpdate", lambda part: filled(part, {"partition": 0}))


def _claim_template(claim: Object) -> Object:
    return persistent_volume_claim(completed(claim, {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}))


def daemon_set(obj: Object) -> Object:
    """A DaemonSet."""
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    return made_at(completed(obj, {"status": dict.fromkeys(counts, 0)}), "spec", _daemon_set_spec)


def _daemon_set_spec(spec: Object) -> Object:
    spec = made_at(filled(spec, {"revisionHistoryLimit": 10}), "template", template)
    return made_at(spec, "updateStrategy", _daemon_set_strategy)


def _daemon_set_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, _ROLLING)
    if strategy["type"] != "RollingUpdate":
        return strategy
    return made_at(strategy, "rollingUpdate", lambda part: filled(part, {"maxUnavailable": 1, "maxSurge": 0}))
