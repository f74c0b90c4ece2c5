"""Which victims' disruption budgets would be overdrawn. Preemption prefers to heed them, but is not bound to.

Upstream: `filterPodsWithPDBViolation` in pkg/scheduler/framework/plugins/defaultpreemption.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubesim.api.selectors import Selector, label_selector
from kubesim.api.stored import Stored
from kubesim.api.views import PodDisruptionBudget
from kubesim.scheduler.pod_info import PodInfo


class Budget:
    """A PodDisruptionBudget as far as preemption reads it."""

    __slots__ = ("allowed", "disrupted", "namespace", "selector")

    def __init__(self, budget: PodDisruptionBudget, selector: Selector) -> None:
        self.namespace = budget.metadata.namespace
        self.selector = selector
        self.allowed = budget.status.disruptions_allowed
        self.disrupted = budget.status.disrupted_pods  # On their way out already, and counted.

    def covers(self, pod: PodInfo) -> bool:
        """Whether the Pod's leaving would be charged to this budget."""
        return (
            self.namespace == pod.namespace
            and self.selector.matches(pod.pod.metadata.labels)
            and pod.name not in self.disrupted
        )


def read_budgets(stored: Iterable[Stored]) -> list[Budget]:
    """Budgets that select something; one with an invalid selector selects nothing."""
    budgets = []
    for each in stored:
        view = each.view(PodDisruptionBudget)
        try:
            selector = label_selector(view.spec.selector)
        except ValueError:
            continue
        if not selector.empty and not selector.nothing:
            budgets.append(Budget(view, selector))
    return budgets


def split_by_budget(pods: Sequence[PodInfo], budgets: Sequence[Budget]) -> tuple[list[PodInfo], list[PodInfo]]:
    """(those whose budget is overdrawn when they leave in this order, the others), each in the order given."""
    left = [budget.allowed for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        is_violated = False
        for number, budget in enumerate(budgets if pod.pod.metadata.labels else ()):
            if budget.covers(pod):
                left[number] -= 1
                is_violated = is_violated or left[number] < 0
        (violating if is_violated else others).append(pod)
    return violating, others
