"""Invariants of what controllers do, watched on every change: Jobs count once, budgets hold, names run once.

Each keeps books of its own kinds only, so that a change of another kind costs one comparison.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.meta import controller_of
from kubesim.api.resources import JOBS, PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, PODS
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.api.wire import DELETED
from kubesim.recording import Change
from kubesim.recording.facts import condition
from kubesim.sim import Origin

TERMINAL = ("Succeeded", "Failed")
EVICTED = "EvictionByEvictionAPI"


class JobsCountOnce:
    """A Job's counts never exceed the Pods that ended, and never fall; no Pod waits twice to be counted.

    `has_gaps`: whether the onlooker may have missed Pods, having lost its watch for a while.
    """

    name = "a Job counts each of its Pods once"

    def __init__(self, has_gaps: Callable[[], bool] = lambda: False) -> None:
        self._has_gaps = has_gaps
        self._ended: dict[str, set[str]] = {}  # By the Job's uid: uids of Pods that ended or were asked to.
        self._counts: dict[str, tuple[int, int]] = {}  # The highest counts of successes and failures.

    def see(self, change: Change) -> str | None:
        """Notes what ended, and compares when a Job counts."""
        if change.resource is PODS:
            owner = controller_of(change.object)
            if owner is not None and owner["kind"] == "Job" and (is_ended(change.object) or change.verb == DELETED):
                self._ended.setdefault(owner["uid"], set()).add(change.new.uid)
        elif change.resource is JOBS:
            if change.verb != DELETED:
                return self._compare(change)
            self._counts.pop(change.new.uid, None)
            self._ended.pop(change.new.uid, None)
        return None

    def _compare(self, change: Change) -> str | None:
        status: Object = change.object.get("status") or {}
        uncounted: Object = status.get("uncountedTerminatedPods") or {}
        waiting = [*(uncounted.get("succeeded") or ()), *(uncounted.get("failed") or ())]
        if len(set(waiting)) < len(waiting):
            return "a Pod is in uncountedTerminatedPods twice"
        counts = (status.get("succeeded", 0), status.get("failed", 0))
        ended = len(self._ended.get(change.new.uid, ()))
        if sum(counts) + len(waiting) > ended and not self._has_gaps():
            return f"{counts[0]} succeeded, {counts[1]} failed and {len(waiting)} to be counted of {ended} that ended"
        before = self._counts.get(change.new.uid, (0, 0))
        self._counts[change.new.uid] = counts
        is_elastic = change.object["spec"].get("completionMode") == "Indexed"  # With fewer indexes fewer count.
        if counts[1] < before[1] or (counts[0] < before[0] and not is_elastic):
            return f"succeeded and failed were {before} and are now {counts}"
        return None


class EvictionsKeepBudgets:
    """When a Pod is evicted, as many healthy ones as its budget wants are left."""

    name = "an eviction never violates a PodDisruptionBudget"

    def __init__(self) -> None:
        self._pods: dict[str, Stored] = {}
        self._budgets: dict[str, Stored] = {}

    def see(self, change: Change) -> str | None:
        """Keeps both kinds, and judges evictions."""
        if change.resource is POD_DISRUPTION_BUDGETS:
            keep(self._budgets, change)
        elif change.resource is PODS:
            evicted = is_evicted(change.object) and not (change.old is not None and is_evicted(change.old.object))
            keep(self._pods, change)
            if evicted and change.old is not None and is_healthy(change.old.object):
                return self._judge(change.new)
        return None

    def _judge(self, evicted: Stored) -> str | None:
        for budget in self._budgets.values():
            selector = label_selector(budget.object["spec"].get("selector"))
            if budget.namespace != evicted.namespace or not selector.matches(labels_of(evicted)):
                continue
            healthy = sum(
                pod.namespace == budget.namespace and is_healthy(pod.object) and selector.matches(labels_of(pod))
                for pod in self._pods.values()
            )
            wanted = (budget.object.get("status") or {}).get("desiredHealthy", 0)
            if healthy < wanted:
                return f"{healthy} healthy Pods are left, and the budget {budget.name} wants {wanted}"
        return None


class VolumesHaveOneClaim:
    """A volume is bound to one claim."""

    name = "a volume is bound to one claim"

    def __init__(self) -> None:
        self._claims: dict[str, dict[str, None]] = {}  # Volume → keys of the claims that are bound to it.

    def see(self, change: Change) -> str | None:
        """Notes claims that are Bound."""
        if change.resource is not PERSISTENT_VOLUME_CLAIMS:
            return None
        key, volume = change.new.key, change.object["spec"].get("volumeName", "")
        is_bound = (change.object.get("status") or {}).get("phase") == "Bound"
        if not volume:
            return None
        claims = self._claims.setdefault(volume, {})
        if change.verb == DELETED or not is_bound:
            claims.pop(key, None)
            return None
        claims[key] = None
        return f"{volume} is bound to {' and '.join(claims)}" if len(claims) > 1 else None


class IdentitiesRunOnce:
    """Of a StatefulSet's Pods, two of one name never run at once, unless somebody removed one by force.

    A kubelet removes its Pod from the API once its containers have ended; whoever else does that says that they have.
    """

    name = "a StatefulSet's Pod runs once, unless somebody forced a deletion"

    def __init__(self, origin: Callable[[int], Origin | None], runs: Callable[[str, str], bool]) -> None:
        self._origin = origin
        self._runs = runs
        self._former: dict[str, list[tuple[str, str]]] = {}  # Pod's key → (node, uid) that its kubelet removed.

    def see(self, change: Change) -> str | None:
        """Notes Pods that their kubelets removed, and looks for them when another of the name begins to run."""
        if change.resource is not PODS:
            return None
        owner = controller_of(change.object)
        if owner is None or owner["kind"] != "StatefulSet":
            return None
        key, node = change.new.key, change.object["spec"].get("nodeName", "")
        if change.verb == DELETED:
            origin = self._origin(change.revision)
            if node and origin is not None and origin.by == f"kubelet/{node}":
                self._former[key] = [*self._former.get(key, ())[-3:], (node, change.new.uid)]
            return None
        is_new = change.old is None or phase_of(change.old.object) != "Running"
        if phase_of(change.object) == "Running" and is_new:
            for former_node, uid in self._former.get(key, ()):
                if uid != change.new.uid and self._runs(former_node, uid):
                    return f"it runs on {node}, and its predecessor still on {former_node}"
        return None


def keep(known: dict[str, Stored], change: Change) -> None:
    """Follows one kind."""
    if change.verb == DELETED:
        known.pop(change.new.key, None)
    else:
        known[change.new.key] = change.new


def labels_of(stored: Stored) -> dict[str, str]:
    """The labels, {} if there are none."""
    return stored.object["metadata"].get("labels") or {}


def phase_of(pod: Object) -> str:
    """status.phase."""
    return str((pod.get("status") or {}).get("phase", ""))


def is_ended(pod: Object) -> bool:
    """Whether a Pod ended, or was asked to."""
    return phase_of(pod) in TERMINAL or "deletionTimestamp" in pod["metadata"]


def is_healthy(pod: Object) -> bool:
    """Whether it counts for a budget: ready, and nobody has asked it to end."""
    is_leaving = "deletionTimestamp" in pod["metadata"] or is_evicted(pod)
    return not is_leaving and condition(pod, "Ready").get("status") == "True"


def is_evicted(pod: Object) -> bool:
    """Whether somebody evicted it through the API."""
    return condition(pod, "DisruptionTarget").get("reason") == EVICTED
