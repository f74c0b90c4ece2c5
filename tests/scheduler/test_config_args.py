"""Arguments of plugins: what is refused at start, and that what is said has an effect."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.scheduler.config_file import parse_configuration
from kubesim.scheduler.config_problems import ConfigurationError

ARGS = "profiles[0].pluginConfig[0].args"


def config(plugin: str, **args: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [{"pluginConfig": [{"name": plugin, "args": args}]}],
    }  # fmt: skip


def refusals(plugin: str, **args: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(config(plugin, **args))
    return [problem.replace(ARGS, "ARGS") for problem in refused.value.problems]


def strategy(**fields: Any) -> dict[str, Any]:
    return {"scoringStrategy": fields}


def points(*pairs: tuple[int, int]) -> dict[str, Any]:
    return {"shape": [{"utilization": utilization, "score": score} for utilization, score in pairs]}


SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
NO_VALUES = {"key": "a", "operator": "In"}


@pytest.mark.parametrize(
    ("plugin", "args", "expected"),
    [
        ("DefaultPreemption", {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 0}, [
            "ARGS.minCandidateNodesPercentage: Invalid value: 0: "
            "cannot be zero at the same time as minCandidateNodesAbsolute",
            "ARGS.minCandidateNodesAbsolute: Invalid value: 0: "
            "cannot be zero at the same time as minCandidateNodesPercentage",
        ]),
        ("DefaultPreemption", {"minCandidateNodesAbsolute": -1},
         ["ARGS.minCandidateNodesAbsolute: Invalid value: -1: not in valid range [0, inf)"]),
        ("InterPodAffinity", {"hardPodAffinityWeight": 101},
         ["ARGS.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]"]),
        ("NodeResourcesFit", strategy(type="Random"),
         ['ARGS.scoringStrategy.type: Unsupported value: "Random": supported values: '
          '"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"']),
        ("NodeResourcesFit", strategy(type="MostAllocated", resources=[{"name": "cpu", "weight": 101}]),
         ["ARGS.scoringStrategy.resources[0].weight: Invalid value: 101: "
          "resource weight of cpu not in valid range (0, 100]"]),
        ("NodeResourcesFit", strategy(type="MostAllocated", resources=[{"name": "cpu", "weight": -1}]),
         ["ARGS.scoringStrategy.resources[0].weight: Invalid value: -1: "
          "resource weight of cpu not in valid range (0, 100]"]),
        ("NodeResourcesFit", strategy(type="RequestedToCapacityRatio"),
         ["ARGS.scoringStrategy.requestedToCapacityRatio: Required value: "
          "must be specified when type is RequestedToCapacityRatio"]),
        ("NodeResourcesFit", strategy(type="LeastAllocated", requestedToCapacityRatio=points((0, 1))),
         ["ARGS.scoringStrategy.requestedToCapacityRatio: Forbidden: "
          "must be nil when type is not RequestedToCapacityRatio"]),
        ("NodeResourcesFit", strategy(type="RequestedToCapacityRatio", requestedToCapacityRatio={"shape": []}),
         ["ARGS.scoringStrategy.requestedToCapacityRatio.shape: Required value: at least one point must be specified"]),
        ("NodeResourcesFit", strategy(type="RequestedToCapacityRatio",
                                      requestedToCapacityRatio=points((20, 1), (10, 11), (101, 1))),
         ["ARGS.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 10: "
          "values must be sorted in increasing order",
          "ARGS.scoringStrategy.requestedToCapacityRatio.shape[1].score: Invalid value: 11: not in valid range [0, 10]",
          "ARGS.scoringStrategy.requestedToCapacityRatio.shape[2].utilization: Invalid value: 101: "
          "not in valid range [0, 100]"]),
        ("NodeResourcesFit", {"ignoredResourceGroups": ["a/b"]},
         ['ARGS.ignoredResourceGroups[0]: Invalid value: "a/b": resource group name can\'t contain \'/\'']),
        ("NodeResourcesFit", {"ignoredResources": ["/b"]},
         ['ARGS.ignoredResources[0]: Invalid value: "/b": prefix part must be non-empty']),
        ("NodeResourcesBalancedAllocation", {"resources": [{"name": "cpu", "weight": 2}, {"name": "cpu"}]},
         ["ARGS.resources[0].weight: Invalid value: 2: must be 1", 'ARGS.resources[1].name: Duplicate value: "cpu"']),
        ("PodTopologySpread", {"defaultingType": "Mine"},
         ['ARGS.defaultingType: Unsupported value: "Mine": supported values: "System", "List"']),
        ("PodTopologySpread", {"defaultConstraints": [SPREAD]},
         ['ARGS.defaultingType: Invalid value: "System": when .defaultConstraints are not empty']),
        ("PodTopologySpread", {"defaultingType": "List", "defaultConstraints": [
            {"labelSelector": {}}, {**SPREAD, "whenUnsatisfiable": "Never"}, SPREAD, SPREAD]},
         ["ARGS.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)",
          "ARGS.defaultConstraints[0].topologyKey: Required value: can not be empty",
          "ARGS.defaultConstraints[0].whenUnsatisfiable: Required value: can not be empty",
          "ARGS.defaultConstraints[0].labelSelector: Forbidden: "
          "constraint must not define a selector, as they deduced for each pod",
          'ARGS.defaultConstraints[1].whenUnsatisfiable: Unsupported value: "Never": '
          'supported values: "DoNotSchedule", "ScheduleAnyway"',
          'ARGS.defaultConstraints[3]: Duplicate value: "{zone, DoNotSchedule}"']),
        ("VolumeBinding", {"bindTimeoutSeconds": -1},
         ["ARGS.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value"]),
        ("NodeAffinity", {"addedAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [NO_VALUES]}]}}},
         [f"ARGS.addedAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].values: "
          "Invalid value: []string(nil): for 'in', 'notin' operators, values set can't be empty"]),
        ("NodeAffinity", {"addedAffinity": {REQUIRED: {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "a", "operator": "Is"}],
             "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]}]}}},
         [f"ARGS.addedAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].operator: "
          'Unsupported value: "Is": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"',
          f"ARGS.addedAffinity.{REQUIRED}.nodeSelectorTerms[0].matchFields[0].values: "
          'Invalid value: []string{"a", "b"}: must have one element']),
        ("DynamicResources", {"filterTimeout": "-1s"},
         ["ARGS.filterTimeout: Invalid value: -1.0: must be zero or positive"]),
        ("NodeName", {"anything": 1},
         ["ARGS.anything: Invalid value: 1: the plugin NodeName does not take this argument"]),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_in_the_words_of_kube_scheduler(
    plugin: str, args: dict[str, Any], expected: list[str]
) -> None:
    """Teaches: a scheduler with wrong arguments does not start, and says which."""
    assert refusals(plugin, **args) == expected


def test_a_shape_for_volumes_needs_a_gate_that_is_off() -> None:
    """Teaches: what has no effect is an error, lest it have one after an upgrade."""
    (told,) = refusals("VolumeBinding", **points((0, 1)))
    assert told.endswith("unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring")


def test_arguments_reach_their_plugins(world: Any, node: Any, pod: Any) -> None:
    """Teaches: pluginConfig changes where Pods go."""
    expression = {"key": "disk", "operator": "In", "values": ["ssd"]}
    added = {
        REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}]},
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 7, "preference": {"matchExpressions": [expression]}}
        ],
    }
    (profile,) = parse_configuration(config("NodeAffinity", addedAffinity=added)).profiles
    nodes = [node("a", labels={"old": "yes"}), node("b", labels={"disk": "ssd"}), node("c")]
    one = world(nodes, plugins=profile.plugins)
    assert one.verdict(pod(), "a").reasons == ("node(s) didn't match scheduler-enforced node affinity",)
    assert one.weighted(pod(), "NodeAffinity") == {"a": 0, "b": 200, "c": 0}
    one.algorithm.columns_min_nodes = 0
    assert one.schedule(pod()).node == "b"
    (profile,) = parse_configuration(config("NodeResourcesFit", **strategy(type="MostAllocated"))).profiles
    packing = world([node("a"), node("b")], [pod("there", requests={"cpu": "1"}, node="b")], plugins=profile.plugins)
    assert packing.schedule(pod(requests={"cpu": "1"})).node == "b"
