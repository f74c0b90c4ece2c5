"""KubeSchedulerConfiguration files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kubesim.scheduler import ConfigurationError
from kubesim.scheduler.config import Profile, SchedulerConfiguration
from kubesim.scheduler.config_file import parse_configuration, read_configuration
from kubesim.scheduler.framework.handle import Handle
from kubesim.scheduler.framework.runtime import Framework
from kubesim.scheduler.snapshot import Snapshot

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


def parse(text: str) -> SchedulerConfiguration:
    return parse_configuration(yaml.safe_load(HEAD + text))


def profile(plugins: str = "{}", config: str = "[]") -> Profile:
    (only,) = parse(f"profiles: [{{plugins: {plugins}, pluginConfig: {config}}}]").profiles
    return only


def framework(of: Profile) -> Framework:
    handle = Handle(Snapshot(), client=None)  # type: ignore[arg-type]  # Nothing here reaches an apiserver.
    made = [(row.make(handle), row.weight) for row in of.plugins]
    return Framework(of.scheduler_name, made, points=of.points)


def refusals(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    return refused.value.problems


def test_an_empty_configuration_is_the_default_one() -> None:
    """Teaches: whoever says nothing gets kube-scheduler's defaults."""
    assert parse("") == SchedulerConfiguration()
    of_file, default = framework(profile()), framework(Profile())
    assert [plugin.name for plugin in of_file.filters] == [plugin.name for plugin in default.filters]
    assert [(s.plugin.name, s.weight) for s in of_file.scores] == [(s.plugin.name, s.weight) for s in default.scores]
    assert not of_file.is_trimmed


def test_a_file_as_kubeadm_users_write_it(tmp_path: Path) -> None:
    """Teaches: a file for the real scheduler is read unchanged; what concerns the process has no effect."""
    (tmp_path / "scheduler.yaml").write_text(
        HEAD
        + """
clientConnection: {kubeconfig: /etc/kubernetes/scheduler.conf, qps: 50}
leaderElection: {leaderElect: false, resourceNamespace: kube-system}
parallelism: 16
percentageOfNodesToScore: 40
podInitialBackoffSeconds: 2
podMaxBackoffSeconds: 20
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  percentageOfNodesToScore: 70
  plugins:
    score:
      enabled: [{name: ImageLocality, weight: 5}]
      disabled: [{name: NodeResourcesBalancedAllocation}]
  pluginConfig:
  - name: DefaultPreemption
    args: {apiVersion: kubescheduler.config.k8s.io/v1, kind: DefaultPreemptionArgs, minCandidateNodesAbsolute: 7}
"""
    )
    read = read_configuration(tmp_path / "scheduler.yaml")
    assert (read.percentage_of_nodes_to_score, read.leader_elect) == (40, False)
    assert (read.pod_initial_backoff_seconds, read.pod_max_backoff_seconds) == (2, 20)
    assert [each.scheduler_name for each in read.profiles] == ["default-scheduler", "packer"]
    assert [each.percentage_of_nodes_to_score for each in read.profiles] == [None, 70]
    packer = framework(read.profiles[1])
    assert (packer.scores[0].plugin.name, packer.scores[0].weight) == ("ImageLocality", 5)
    assert "NodeResourcesBalancedAllocation" not in [each.plugin.name for each in packer.scores]
    assert packer.post_filters[-1].candidates_wanted(1000) == 100  # type: ignore[attr-defined]
    assert packer.post_filters[-1].candidates_wanted(50) == 7  # type: ignore[attr-defined]


def test_a_profile_may_ask_for_the_share_that_fits_the_size() -> None:
    """Teaches: an explicit 0 is not the same as nothing said."""
    (only,) = parse("percentageOfNodesToScore: 80\nprofiles: [{percentageOfNodesToScore: 0}]").profiles
    assert only.percentage_of_nodes_to_score == 0


def test_a_star_disables_what_multi_point_would_enable() -> None:
    """Teaches: one point can be written anew from nothing."""
    scores = framework(profile("{score: {disabled: [{name: '*'}], enabled: [{name: NodeAffinity}]}}")).scores
    assert [(each.plugin.name, each.weight) for each in scores] == [("NodeAffinity", 1)]
    assert framework(profile("{score: {disabled: [{name: NodeAffinity}]}}")).is_trimmed  # Columns stand aside.


def test_multi_point_weighs_and_disables_at_all_points() -> None:
    """Teaches: a plugin that serves several points goes as a whole."""
    chosen = "{multiPoint: {enabled: [{name: TaintToleration, weight: 9}], disabled: [{name: NodePorts}]}}"
    made = framework(profile(chosen))
    assert {each.plugin.name: each.weight for each in made.scores}["TaintToleration"] == 9
    assert "NodePorts" not in [plugin.name for plugin in (*made.filters, *made.pre_filters)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("percentageOfNodesToScore: 101", "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        ("parallelism: 0", "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        ("podInitialBackoffSeconds: 0", "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"),
        ("podInitialBackoffSeconds: 20\npodMaxBackoffSeconds: 10",
         "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds"),
        ("profile: []", 'strict decoding error: unknown field "profile"'),
        ("profiles: [{plugins: {scores: {}}}]", 'strict decoding error: unknown field "profiles[0].plugins.scores"'),
        ("profiles: [{}, {schedulerName: a}]", "profiles[0].schedulerName: Required value"),
        ("profiles: [{schedulerName: a}, {schedulerName: a}]",
         'profiles[1].schedulerName: Duplicate value: "a"'),
        ("profiles: [{plugins: {score: {enabled: [{name: Nope}]}}}]",
         'profiles[0].plugins.score.enabled[0].name: Invalid value: "Nope": there is no plugin of that name'),
        ("profiles: [{plugins: {score: {enabled: [{name: NodeName}]}}}]",
         'profiles[0].plugins.score.enabled[0].name: Invalid value: "NodeName": plugin does not extend score'),
        ("profiles: [{plugins: {score: {enabled: [{name: NodeAffinity, weight: -1}]}}}]",
         "profiles[0].plugins.score.enabled[0].weight: Invalid value: -1: must not be negative"),
        ("profiles: [{plugins: {queueSort: {disabled: [{name: '*'}]}}}]",
         "profiles[0].plugins.queueSort: Invalid value: []: exactly one queue sort plugin is needed"),
        ("profiles: [{plugins: {bind: {disabled: [{name: DefaultBinder}]}}}]",
         "profiles[0].plugins.bind: Invalid value: []: at least one bind plugin is needed"),
        ("profiles: [{pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 101}}]}]",
         "profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 101: "
         "not in valid range [0, 100]"),
        ("profiles: [{pluginConfig: [{name: DefaultPreemption, args: {kind: NodeAffinityArgs}}]}]",
         'profiles[0].pluginConfig[0].args.kind: Invalid value: "NodeAffinityArgs": must be "DefaultPreemptionArgs"'),
        ("profiles: 3", "profiles: Invalid value: 3: must be a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_path(text: str, problem: str) -> None:
    """Teaches: a scheduler with a wrong configuration does not start."""
    assert refusals(text) == (problem,)


def test_all_problems_are_told_at_once() -> None:
    """Teaches: nobody likes to mend a file one line a try."""
    assert len(refusals("parallelism: 0\npercentageOfNodesToScore: -1\nprofiles: [{schedulerName: 1}]")) >= 3


@pytest.mark.parametrize("content", ["[]", "a: [", "apiVersion: v1\nkind: Pod", "\x00"])
def test_what_is_no_configuration_at_all_gets_one_sentence(tmp_path: Path, content: str) -> None:
    """Teaches: bad input is no bug."""
    file = tmp_path / "x.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(file)
    assert len(refused.value.problems) == 1
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(tmp_path / "none.yaml")


OWN = """
from kubesim.scheduler.framework.interface import ScorePlugin


class FewestPods(ScorePlugin):
    name = "FewestPods"

    def score(self, state, pod, node):
        return 100 * (node.allowed_pods - len(node.pods)) // node.allowed_pods


class Nameless(ScorePlugin):
    def score(self, state, pod, node):
        return 0
"""


def test_a_plugin_of_ones_own_is_named_by_its_place(tmp_path: Path) -> None:
    """Teaches: one method is a plugin; the path counts from the configuration's folder."""
    (tmp_path / "own.py").write_text(OWN)
    document: Any = yaml.safe_load(
        HEAD + "profiles: [{plugins: {multiPoint: {enabled: [{name: 'own.py:FewestPods'}]}}}]"
    )
    (only,) = parse_configuration(document, tmp_path).profiles
    assert framework(only).scores[-1].plugin.name == "FewestPods"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("own.py:Nope", "cannot be loaded"),
        ("none.py:FewestPods", "cannot be loaded"),
        ("no.such.module:X", "cannot be loaded"),
        ("own.py:Nameless", "has no name"),
        ("os:getcwd", "is no plugin"),
    ],
)
def test_a_plugin_that_is_none_is_refused(tmp_path: Path, name: str, why: str) -> None:
    """Teaches: what cannot be loaded is told at the start, not at the first Pod."""
    (tmp_path / "own.py").write_text(OWN)
    document: Any = yaml.safe_load(HEAD + f"profiles: [{{plugins: {{score: {{enabled: [{{name: '{name}'}}]}}}}}}]")
    with pytest.raises(ConfigurationError, match=why):
        parse_configuration(document, tmp_path)
