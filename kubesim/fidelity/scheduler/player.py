"""Places the Pods of a recording, one after another, and compares each placement with the real one.

After each comparison the recorded outcome is made true, so that one difference does not cause the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kubesim.fidelity.scheduler.comparison import KINDS, Placement, StepResult, compare
from kubesim.fidelity.scheduler.recordings import Recording
from kubesim.fidelity.scheduler.world import World
from kubesim.scheduler.evaluation import Evaluation
from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Preemption
from kubesim.scheduler.messages import fit_error
from kubesim.scheduler.pod_info import PodInfo


def play(recording: Recording, *, columns: bool = False) -> Iterator[StepResult]:
    """The placements of one cluster, compared."""
    world = World(recording.objects, columns=columns)
    for step in recording.steps:
        pod, real = world.pod(step.pod), step.expect
        ours = place(world, pod)
        for victim in real.victims:
            world.remove(victim)
        fits_after = bool(real.victims) and _would_fit(world, pod, real.node)
        yield compare(recording.seed, pod.key, real, ours, fits_after=fits_after)
        if real.node:
            world.put(world.pod(step.pod, real.node))


def place(world: World, pod: PodInfo) -> Placement:
    """What the scheduler would do with one Pod, and everything that it would say about it."""
    decision = world.decide(pod)
    if decision.node:
        assert decision.evaluation is not None, "a node was chosen from an evaluation"
        return _placed(world, pod, decision.evaluation)
    diagnosis = decision.diagnosis
    assert diagnosis is not None, "a decision without a node carries a diagnosis"
    nominated, status = world.framework.run_post_filters(decision.state, pod, world.snapshot, diagnosis)
    diagnosis.post_filter_message = status.message
    message = fit_error(len(world.snapshot), diagnosis)
    preemption = decision.state.read(Preemption.KEY)
    if not isinstance(preemption, Preemption):
        return Placement(message=message, nominated=nominated or None)
    as_good = tuple((node, _keys(victims)) for node, victims in preemption.as_good)
    return Placement(message=message, nominated=nominated or None, victims=_keys(preemption.victims), as_good=as_good)


def totals(results: Iterable[StepResult]) -> dict[str, tuple[int, int]]:
    """Kind → (agreed, compared)."""
    agreed, compared = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for result in results:
        for kind in KINDS:
            agreed[kind] += result.agreed[kind]
            compared[kind] += result.compared[kind]
    return {kind: (agreed[kind], compared[kind]) for kind in KINDS}


def _keys(pods: Sequence[PodInfo]) -> tuple[str, ...]:
    return tuple(pod.key for pod in pods)


def _placed(world: World, pod: PodInfo, evaluation: Evaluation) -> Placement:
    nodes = [world.snapshot.nodes[index] for index in evaluation.feasible]
    names = [node.name for node in nodes]
    if len(nodes) == 1:
        return Placement(frozenset(names), frozenset(names))
    state = CycleState()  # The quick form keeps no scores by plugin; the readable one is asked for them.
    world.framework.run_pre_filter(state, pod, world.snapshot)
    world.framework.run_pre_score(state, pod, nodes)
    scores = world.framework.run_scores(state, pod, nodes).weighted
    best = frozenset(names[place] for place in evaluation.best())
    summed = {name: int(total) for name, total in zip(names, evaluation.totals, strict=True)}
    columns = {plugin: dict(zip(names, column, strict=True)) for plugin, column in scores.items()}
    return Placement(frozenset(names), best, summed, columns)


def _would_fit(world: World, pod: PodInfo, node: str | None) -> bool:
    evaluation = world.decide(pod).evaluation
    return evaluation is not None and node in {world.snapshot.nodes[index].name for index in evaluation.feasible}
