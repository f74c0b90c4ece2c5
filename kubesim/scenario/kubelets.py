"""How kubelets are configured, as a scenario file says it, and the same in the kubelet's own terms."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import Field, model_validator

from kubesim.kubelet import KubeletConfiguration, PriorityGrace
from kubesim.kubelet.eviction.thresholds import RESOURCES, amount_is_valid
from kubesim.scenario.model import Model
from kubesim.scenario.values import Quantity, Seconds

DEFAULTS = KubeletConfiguration()


class PriorityShutdown(Model):
    """How long Pods of a priority may take when their node shuts down."""

    priority: int = Field(description="Of this priority and those above, up to the next entry.")
    grace: Seconds = Field(description="How long they may take.")


class KubeletSettings(Model):
    """A kubelet's configuration. Signals are `memory.available`, `nodefs.available`, `pid.available` and so on."""

    eviction_hard: dict[str, str] | None = Field(
        None, description="Below this Pods are evicted at once: `{memory.available: 100Mi}`; absent: the defaults."
    )
    eviction_soft: dict[str, str] = Field(
        default_factory=dict, description="Below this they are evicted after the grace period."
    )
    eviction_soft_grace_period: dict[str, Seconds] = Field(
        default_factory=dict, description="By signal; every soft threshold needs one."
    )
    eviction_minimum_reclaim: dict[str, str] = Field(
        default_factory=dict, description="How much more than the threshold must be free before it stops."
    )
    eviction_pressure_transition_period: Seconds = Field(300, description="How long a condition outlasts its cause.")
    eviction_max_pod_grace_period: int = Field(0, ge=0, description="Seconds that a Pod has after a soft threshold.")
    kube_reserved: dict[str, Quantity] = Field(default_factory=dict, description="Kept for Kubernetes' own programs.")
    system_reserved: dict[str, Quantity] = Field(default_factory=dict, description="Kept for the system.")
    shutdown_grace_period: Seconds = Field(0, description="How long a node that shuts down waits for its Pods.")
    shutdown_grace_period_critical_pods: Seconds = Field(0, description="Of these, the end is for critical Pods.")
    shutdown_by_priority: list[PriorityShutdown] = Field(
        default_factory=list, description="Instead of the two above: by priority."
    )
    static_pods: list[str] = Field(
        default_factory=list, description="Manifests in the scenario's folder that lie in the node's staticPodPath."
    )
    pid_max: int = Field(32768, ge=200, description="How many processes the node can have.")

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for thresholds in (self.eviction_hard or {}, self.eviction_soft, self.eviction_minimum_reclaim):
            for signal, amount in thresholds.items():
                if signal not in RESOURCES:
                    raise ValueError(f'there is no eviction signal "{signal}"; there is {", ".join(sorted(RESOURCES))}')
                if not amount_is_valid(amount):
                    raise ValueError(f'a threshold is a quantity or a percentage, not "{amount}"')
        for signal in self.eviction_soft:
            if signal not in self.eviction_soft_grace_period:
                raise ValueError(f"grace period must be specified for the soft eviction threshold {signal}")
        if self.shutdown_grace_period_critical_pods > self.shutdown_grace_period:
            raise ValueError(
                "shutdownGracePeriodCriticalPods is longer than shutdownGracePeriod, of which it is a part"
            )
        if any(".." in PurePosixPath(path).parts for path in self.static_pods):
            raise ValueError("static Pods are files in the scenario's folder")
        return self


def configuration(settings: KubeletSettings | None, folder: Path | None = None) -> KubeletConfiguration:
    """The settings in the kubelet's own terms; `folder` is where the manifests of static Pods are."""
    if settings is None:
        return DEFAULTS
    hard = DEFAULTS.eviction_hard if settings.eviction_hard is None else settings.eviction_hard
    return KubeletConfiguration(
        eviction_hard=hard,
        eviction_soft=settings.eviction_soft,
        eviction_soft_grace_period=settings.eviction_soft_grace_period,
        eviction_minimum_reclaim=settings.eviction_minimum_reclaim,
        eviction_pressure_transition_period=settings.eviction_pressure_transition_period,
        eviction_max_pod_grace_period=settings.eviction_max_pod_grace_period,
        kube_reserved={name: str(amount) for name, amount in settings.kube_reserved.items()},
        system_reserved={name: str(amount) for name, amount in settings.system_reserved.items()},
        shutdown_grace_period=settings.shutdown_grace_period,
        shutdown_grace_period_critical_pods=settings.shutdown_grace_period_critical_pods,
        shutdown_grace_period_by_pod_priority=tuple(
            PriorityGrace(each.priority, each.grace) for each in settings.shutdown_by_priority
        ),
        static_pods=() if folder is None else tuple(manifest(folder / path) for path in settings.static_pods),
        pid_max=settings.pid_max,
    )


def manifest(path: Path) -> dict[str, Any]:
    """A Pod from a file; ValueError if there is none in it."""
    import yaml  # Few scenarios have any.

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"static Pod {path.name}: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != "Pod" or not (found.get("metadata") or {}).get("name"):
        raise ValueError(f"static Pod {path.name}: a Pod with a name is expected")
    if not (found.get("spec") or {}).get("containers"):
        raise ValueError(f"static Pod {path.name}: it has no containers")
    return found
