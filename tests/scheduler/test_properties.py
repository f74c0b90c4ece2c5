"""What holds for every cluster: random ones, as the recordings of the real scheduler have them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.stored import Stored
from kubesim.apiserver.registry.label_keys import merge_label_keys
from kubesim.checks import placement_problems
from kubesim.scheduler.config_file import parse_configuration
from kubesim.scheduler.framework.interface import Preemption
from kubesim.scheduler.framework.status import Code
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS, Registration

ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NAMESPACES = {"default": {"kubernetes.io/metadata.name": "default"}, "team-a": {"team": "a"}}
TAINTS = [
    {"key": "dedicated", "value": "db", "effect": "NoSchedule"}, {"key": "evict", "effect": "NoExecute"},
    {"key": "slow", "effect": "PreferNoSchedule"},
]  # fmt: skip
Make = Callable[..., Stored]


class Dice:
    """Random objects from one seed: quicker than to draw each field by Hypothesis, and as easy to repeat."""

    def __init__(self, seed: int, node: Make, pod: Make) -> None:
        self.random = Random(seed)
        self._node, self._pod = node, pod

    def maybe(self, chance: float, value: Any) -> Any:
        return value() if self.random.random() < chance else None

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def node(self, name: str) -> Stored:
        labels = {ZONE: self.one("a", "b", "c")} if self.random.random() < 0.8 else {}
        labels |= {"disk": self.one("ssd", "hdd")} if self.random.random() < 0.6 else {}
        labels |= {"rank": str(self.random.randrange(9))} if self.random.random() < 0.4 else {}
        more = {"example.com/gpu": self.one("1", "2", "4")} if self.random.random() < 0.4 else {}
        more |= {"ephemeral-storage": self.one("1Gi", "10G")} if self.random.random() < 0.7 else {}
        more |= {"hugepages-2Mi": self.one("4Mi", "64Mi")} if self.random.random() < 0.5 else {}
        return self._node(
            name, cpu=self.one("1", "2", "3", "4"), memory=self.one("4Gi", "8055Mi", "16000M"),
            pods=self.one("3", "5", "110"), labels=labels, unschedulable=self.random.random() < 0.05,
            taints=[taint for taint in TAINTS if self.random.random() < 0.15],
            images={"nginx:latest": 180_000_000} if self.random.random() < 0.5 else None, **more,
        )  # fmt: skip

    def pod(self, name: str, **more: Any) -> Stored:
        cpu, memory = self.one("50m", "250m", "500m", "1", "1500m"), self.one("64Mi", "128M", "1Gi", "2Gi")
        requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if self.random.random() < 0.8}
        requests |= {"example.com/gpu": "1"} if self.random.random() < 0.15 else {}
        requests |= {"ephemeral-storage": self.one("100M", "700Mi")} if self.random.random() < 0.15 else {}
        requests |= {"hugepages-2Mi": self.one("2Mi", "4Mi")} if self.random.random() < 0.1 else {}
        spec: dict[str, Any] = {
            "affinity": self.affinity(),
            "nodeSelector": self.maybe(0.1, lambda: {"disk": self.one("ssd", "hdd")}),
            "tolerations": self.maybe(0.4, lambda: self.one(
                [{"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"}],
                [{"key": "dedicated", "operator": "Exists"}, {"key": "slow", "operator": "Exists"}],
                [{"operator": "Exists"}])),
            "topologySpreadConstraints": self.maybe(0.5, self.constraints),
            "initContainers": self.maybe(0.2, self.init),
            "overhead": self.maybe(0.1, lambda: {"cpu": "250m"}),
            "resources": self.maybe(0.15, lambda: {"requests": self.one(
                {"cpu": "2"}, {"memory": "2Gi"}, {"cpu": "1500m", "memory": "3Gi", "hugepages-2Mi": "4Mi"})}),
        }  # fmt: skip
        metadata = {"namespace": self.one("default", "default", "team-a")}
        port = {"containerPort": 80, "hostPort": self.one(8080, 9090), "hostIP": self.one("", "127.0.0.1")}
        ports = self.maybe(0.15, lambda: [port | {"protocol": self.one("TCP", "UDP")}])
        labels = {"app": self.one("web", "db", "cache"), "track": self.one("stable", "canary")}
        spec = {key: part for key, part in spec.items() if part} | more
        if self.random.random() < 0.7:  # As the apiserver does; Pods of before it did are still there.
            spec = merge_label_keys(spec, labels)
        return self._pod(name, requests=requests, labels=labels, metadata=metadata, ports=ports or (), **spec)

    def init(self) -> list[dict[str, Any]]:
        first = {"name": "i", "image": "busybox", "resources": {"requests": {"cpu": self.one("100m", "2")}}}
        return [first | ({"restartPolicy": "Always"} if self.random.random() < 0.5 else {})]

    def selector(self) -> dict[str, Any] | None:
        expression = {"key": self.one("app", "tier"), "operator": self.one("In", "NotIn"), "values": ["web"]}
        return self.one({"matchLabels": {"app": self.one("web", "db")}}, {"matchExpressions": [expression]}, {}, None)

    def term(self) -> dict[str, Any]:
        made = {"topologyKey": self.one(ZONE, HOSTNAME, "disk"), "labelSelector": self.selector()}
        made["namespaces"] = self.maybe(0.2, lambda: [self.one("default", "team-a")])
        made["namespaceSelector"] = self.maybe(0.2, lambda: self.one({"matchLabels": {"team": "a"}}, {}))
        if made["labelSelector"] is not None:
            made[self.one("matchLabelKeys", "mismatchLabelKeys")] = self.maybe(
                0.3, lambda: self.one(["track"], ["tier"])
            )
        return {key: part for key, part in made.items() if part is not None}

    def affinity(self) -> dict[str, Any] | None:
        made: dict[str, Any] = {}
        for kind, chance in (("podAffinity", 0.15), ("podAntiAffinity", 0.2)):
            of_kind: dict[str, Any] = {}
            if self.random.random() < chance:
                of_kind[REQUIRED] = [self.term() for _ in range(self.one(1, 1, 2))]
            if self.random.random() < chance:
                of_kind[PREFERRED] = [{"weight": self.random.randrange(1, 101), "podAffinityTerm": self.term()}]
            if of_kind:
                made[kind] = of_kind
        if self.random.random() < 0.25:
            terms = [{"matchExpressions": [self.expression()]} for _ in range(self.one(1, 2))]
            made["nodeAffinity"] = self.one(
                {REQUIRED: {"nodeSelectorTerms": terms}}, {PREFERRED: [{"weight": 9, "preference": terms[0]}]}
            )  # fmt: skip
        return made or None

    def expression(self) -> dict[str, Any]:
        return self.one(
            {"key": "disk", "operator": self.one("In", "NotIn"), "values": ["ssd"]},
            {"key": ZONE, "operator": self.one("Exists", "DoesNotExist")},
            {"key": "rank", "operator": self.one("Gt", "Lt"), "values": ["4"]},
        )

    def constraints(self) -> list[dict[str, Any]]:
        made = []
        for key in self.one([ZONE], [HOSTNAME], [ZONE, HOSTNAME]):
            action = self.one("DoNotSchedule", "ScheduleAnyway")
            one = {"topologyKey": key, "whenUnsatisfiable": action, "maxSkew": self.one(1, 2, 3)}
            one["labelSelector"] = {"matchLabels": {"app": self.one("web", "db")}}
            if self.random.random() < 0.3:
                one["matchLabelKeys"] = self.one(["track"], ["track", "tier"])
            if action == "DoNotSchedule" and self.random.random() < 0.3:
                one["minDomains"] = self.one(1, 2, 3)
            for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
                if self.random.random() < 0.3:
                    one[policy] = self.one("Honor", "Ignore")
            made.append(one)
        return made


def args(plugin: str, **given_: Any) -> tuple[Registration, ...]:
    document = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
                "profiles": [{"pluginConfig": [{"name": plugin, "args": given_}]}]}  # fmt: skip
    return parse_configuration(document).profiles[0].plugins


CPU_AND_GPU = [{"name": "cpu", "weight": 3}, {"name": "example.com/gpu", "weight": 2}]
LINE = {"shape": [{"utilization": 0, "score": 0}, {"utilization": 70, "score": 10}, {"utilization": 100, "score": 4}]}
HAS_DISK = {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}
ADDED = {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "rank", "operator": "DoesNotExist"}]}]},
         PREFERRED: [{"weight": 5, "preference": HAS_DISK}]}  # fmt: skip
DEFAULTS = [{"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"},
            {"maxSkew": 2, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"}]  # fmt: skip
PROFILES: dict[str, tuple[Registration, ...]] = {
    "defaults": DEFAULT_PLUGINS,
    "most": args("NodeResourcesFit", scoringStrategy={"type": "MostAllocated", "resources": CPU_AND_GPU}),
    "least": args("NodeResourcesFit", scoringStrategy={"type": "LeastAllocated", "resources": CPU_AND_GPU}),
    "ratio": args("NodeResourcesFit", scoringStrategy={
        "type": "RequestedToCapacityRatio", "resources": CPU_AND_GPU, "requestedToCapacityRatio": LINE}),
    "balanced": args("NodeResourcesBalancedAllocation",
                     resources=[{"name": name} for name in ("cpu", "memory", "example.com/gpu")]),
    "added": args("NodeAffinity", addedAffinity=ADDED),
    "hard weight": args("InterPodAffinity", hardPodAffinityWeight=50),
    "no hard weight": args("InterPodAffinity", hardPodAffinityWeight=0),
    "content": args("InterPodAffinity", ignorePreferredTermsOfExistingPods=True),
    "spread": args("PodTopologySpread", defaultingType="List", defaultConstraints=DEFAULTS),
    "no spread": args("PodTopologySpread", defaultingType="List"),
}  # fmt: skip
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
           "spec": {"selector": {"app": "web"}}}  # fmt: skip
TEAM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a", "labels": {"team": "a"}}}


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_both_forms_agree_whatever_is_configured(world: Any, node: Make, pod: Make, profile: str, seed: int) -> None:
    """Teaches: arguments of plugins change both forms alike."""
    dice = Dice(seed, node, pod)
    nodes = [dice.node(f"n{number}") for number in range(8)]
    forms = readable, quick = [world(nodes, plugins=PROFILES[profile]) for _ in range(2)]
    quick.algorithm.columns_min_nodes = 0
    for form in forms:
        form.know(SERVICE, TEAM)
    for number in range(10):
        new = dice.pod(f"p{number}")
        expected, seen = readable.schedule(new), quick.schedule(new)
        assert seen.node == expected.node
        if expected.evaluation is not None:
            assert list(seen.evaluation.feasible) == list(expected.evaluation.feasible)
            assert list(seen.evaluation.totals) == list(expected.evaluation.totals)
        if not expected.node:
            assert seen.diagnosis.node_to_status == expected.diagnosis.node_to_status
            continue
        for form in forms:
            form.place(new, expected.node)


@settings(max_examples=35, deadline=None)
@given(seed=st.integers(0, 10**6), is_quick=st.booleans())
def test_a_placement_violates_no_hard_constraint(world: Any, node: Make, pod: Make, seed: int, is_quick: bool) -> None:
    """Teaches: a second opinion, written from the API alone, agrees with every verdict of the filters."""
    dice = Dice(seed, node, pod)
    nodes = {f"n{number}": dice.node(f"n{number}") for number in range(7)}
    one = world(list(nodes.values()))
    one.know(TEAM)
    one.algorithm.columns_min_nodes = 0 if is_quick else 100
    objects, placed = [each.object for each in nodes.values()], []
    for number in range(12):
        new = dice.pod(f"p{number}")
        decision = one.schedule(new)
        feasible = [] if decision.evaluation is None else decision.evaluation.feasible
        names = {one.snapshot.nodes[place].name for place in feasible}
        for name, stored in nodes.items():
            problems = placement_problems(new.object, stored.object, placed, objects, NAMESPACES)
            assert (name in names) == (not problems), f"{name}: {problems}"
        if decision.node:
            one.place(new, decision.node)
            placed.append((new.object, nodes[decision.node].object))


@settings(max_examples=35, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_preemption_takes_only_from_the_lower_and_makes_room(world: Any, node: Make, pod: Make, seed: int) -> None:
    """Teaches: nobody of equal priority leaves, and whoever leaves does not leave in vain."""
    dice = Dice(seed, node, pod)
    nodes = {f"n{number}": dice.node(f"n{number}") for number in range(5)}
    one = world(list(nodes.values()))
    one.know(TEAM)
    placed: dict[str, tuple[Any, str]] = {}
    for number in range(25):
        new = dice.pod(f"p{number}", priority=dice.random.randrange(5))
        decision = one.schedule(new)
        if not decision.node:
            info = one.place_nowhere(new)
            _, status = one.framework.run_post_filters(decision.state, info, one.snapshot, decision.diagnosis)
            plan = decision.state.read(Preemption.KEY)
            assert (status.code is Code.SUCCESS) == (plan is not None)
            if plan is None:
                continue
            assert plan.victims
            for victim in plan.victims:
                assert victim.priority < info.priority
                assert placed.pop(victim.name)[1] == plan.node
                one.cache.remove_pod(victim.uid)
            decision.node = plan.node
        others = [(there, nodes[name].object) for there, name in placed.values()]
        objects = [each.object for each in nodes.values()]
        assert not placement_problems(new.object, nodes[decision.node].object, others, objects, NAMESPACES)
        one.place(new, decision.node)
        placed[new.name] = (new.object, decision.node)


def best_nodes(one: Any, pod: Stored) -> set[str]:
    """The nodes that chance may choose from."""
    one.refresh()
    evaluation = one.algorithm.schedule(one.framework, one.place_nowhere(pod)).evaluation
    if evaluation is None or not len(evaluation.feasible):
        return set()
    names = [one.snapshot.nodes[place].name for place in evaluation.feasible]
    return {names[place] for place in evaluation.best()} if len(evaluation.totals) else set(names)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), is_quick=st.booleans())
def test_neither_names_nor_the_order_of_arrival_matter(
    world: Any, node: Make, pod: Make, seed: int, is_quick: bool
) -> None:
    """Teaches: what is best is a matter of the nodes, not of what they are called or when they came."""
    dice = Dice(seed, node, pod)
    count = 7
    nodes = [dice.node(f"n{number}") for number in range(count)]
    shuffled = dice.random.sample(range(count), count)
    renamed = {f"n{number}": f"x{place}" for place, number in enumerate(shuffled)}

    def rename(stored: Stored) -> Stored:
        name = renamed[stored.name]
        labels = stored.object["metadata"]["labels"] | {HOSTNAME: name}
        return Stored(1, {**stored.object, "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels}})

    first, second = world(nodes), world([rename(nodes[number]) for number in shuffled])
    for form in (first, second):
        form.know(SERVICE, TEAM)
        form.algorithm.columns_min_nodes = 0 if is_quick else 100
    for number in range(8):
        new = dice.pod(f"p{number}")
        best, again = best_nodes(first, new), best_nodes(second, new)
        assert {renamed[name] for name in best} == again
        if best:
            chosen = min(best)
            first.place(new, chosen)
            second.place(new, renamed[chosen])
