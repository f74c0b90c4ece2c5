"""Every mistake in a scenario file has a line, a field and a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.scenario import ScenarioError, load_scenario
from kubesim.scenario.load import node_names

GOOD = """\
apiVersion: kubesim.dev/v1alpha1
kind: Scenario
metadata:
  name: mine
spec:
  title: Mine
  until: 2m
  cluster:
    nodes: 2
  steps:
    - at: 1s
      kubectl: create deployment web --image=nginx
    - at: 1m
      fault:
        crash: node-2
  expect:
    - eventually:
        get: deployment/web
        where:
          status.readyReplicas: 1
      by: 1m
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(text)
    return path


def refused(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        load_scenario(written(folder, GOOD.replace(old, new)))
    message = str(caught.value)
    assert "\n" not in message, "one sentence"
    return message.replace(str(folder) + "/", "")


def test_a_good_scenario_loads(tmp_path: Path) -> None:
    """Teaches: the smallest useful scenario."""
    loaded = load_scenario(written(tmp_path, GOOD))
    assert loaded.scenario.spec.until == 120
    assert node_names(loaded.scenario) == ["node-1", "node-2"]


def test_set_changes_a_field_before_anything_is_checked(tmp_path: Path) -> None:
    """Teaches: --set cluster.nodes=5."""
    path = written(tmp_path, GOOD)
    assert node_names(load_scenario(path, ["cluster.nodes=5"]).scenario)[-1] == "node-5"
    with pytest.raises(ScenarioError, match=r"cluster\.nodes"):
        load_scenario(path, ["cluster.nodes=many"])
    with pytest.raises(ScenarioError, match="FIELD=VALUE"):
        load_scenario(path, ["cluster.nodes"])


def test_an_unknown_field_is_named_with_its_line(tmp_path: Path) -> None:
    """Teaches: a typo is found before the run."""
    message = refused(tmp_path, "  title: Mine", "  title: Mine\n  titel: Mine")
    assert message == "scenario.yaml, line 7: spec.titel: there is no such field"


def test_a_wrong_type_is_named_with_what_was_expected(tmp_path: Path) -> None:
    """Teaches: the sentence says what to write instead."""
    message = refused(tmp_path, "until: 2m", "until: later")
    assert message == "scenario.yaml, line 7: spec.until: expected a duration such as 90s, 1m30s or 250ms"


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """Teaches: every run has an end."""
    assert refused(tmp_path, "  until: 2m\n", "") == "scenario.yaml, line 5: spec.until: this field is required"


def test_a_fault_on_a_node_that_does_not_exist_lists_the_nearest(tmp_path: Path) -> None:
    """Teaches: names are checked against the cluster of this scenario."""
    message = refused(tmp_path, "crash: node-2", "crash: node-3")
    assert message.startswith("scenario.yaml, line 15: steps.1.fault.crash: unknown node or component 'node-3'")
    assert "did you mean" in message


def test_yaml_that_does_not_parse_says_where(tmp_path: Path) -> None:
    """Teaches: the line comes from the YAML parser."""
    message = refused(tmp_path, "    nodes: 2", "    nodes: [2")
    assert message.startswith("scenario.yaml, line 1")
    assert "not valid YAML" in message


def test_a_key_given_twice_is_no_valid_yaml(tmp_path: Path) -> None:
    """Teaches: one of the two would be lost silently."""
    assert 'key "until" already set in map' in refused(tmp_path, "  until: 2m", "  until: 2m\n  until: 3m")


def test_a_missing_manifest_is_found_before_the_run(tmp_path: Path) -> None:
    """Teaches: a run does not end in its middle for a typo."""
    message = refused(tmp_path, "create deployment web --image=nginx", "apply -f nowhere.yaml")
    assert message == (
        "scenario.yaml, line 12: steps.0.kubectl: nowhere.yaml: cannot read the manifest (No such file or directory)"
    )


def test_an_unknown_kubectl_verb_is_found_before_the_run(tmp_path: Path) -> None:
    """Teaches: only commands that change something are steps."""
    message = refused(tmp_path, "create deployment web", "scael deployment web")
    assert 'unknown kubectl verb "scael"; did you mean "scale"? (there is annotate, apply' in message


def test_steps_stand_in_order_of_time(tmp_path: Path) -> None:
    """Teaches: a scenario reads from top to bottom."""
    assert "order of time" in refused(tmp_path, "at: 1m\n", "at: 0s\n")


def test_a_step_and_a_fault_and_an_expectation_do_exactly_one_thing(tmp_path: Path) -> None:
    """Teaches: the three places where exactly one key is wanted."""
    assert "exactly one verb" in refused(tmp_path, "crash: node-2", "crash: node-2\n        stop: node-1")
    assert "one of at, after and when" in refused(tmp_path, "at: 1m\n", "at: 1m\n      after: 5s\n")
    assert "exactly one of eventually" in refused(tmp_path, "    - eventually:", "    - by: 1s\n    - eventually:")


def test_a_check_of_an_unknown_kind_or_test_is_refused(tmp_path: Path) -> None:
    """Teaches: checks are read before the run, too."""
    message = refused(tmp_path, "get: deployment/web", "get: deploymint/web")
    assert 'unknown resource type "deploymint"; did you mean "deployment"?' in message
    message = refused(tmp_path, "status.readyReplicas: 1", "status.readyReplicas: {atleast: 1}")
    assert "unknown test 'atleast'" in message


def test_an_expectation_cannot_be_later_than_the_end(tmp_path: Path) -> None:
    """Teaches: what cannot come true is an error."""
    assert "the run ends before that" in refused(tmp_path, "      by: 1m\n", "      by: 3m\n")


def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path) -> None:
    """Teaches: the first thing anybody gets wrong."""
    with pytest.raises(ScenarioError, match="one YAML document"):
        load_scenario(written(tmp_path, "- a\n- b\n"))
    with pytest.raises(ScenarioError, match="cannot read the scenario"):
        load_scenario(tmp_path / "none.yaml")


def test_a_step_cannot_be_later_than_the_end(tmp_path: Path) -> None:
    """Teaches: until is when the run ends, not a wish."""
    assert "steps.1.at: the run ends before that, at until" in refused(tmp_path, "at: 1m\n", "at: 5m\n")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status.conditions[Available", "expected a path such as status.conditions[Ready].status"),
        ("statuss.readyReplicas", 'unknown field "statuss"; did you mean "status"?'),
        ("status.conditions.status", "says which element of the list is meant, before .status"),
        ("status.readyReplicas.deeper", "there is nothing inside a int32"),
    ],
)
def test_a_path_that_names_no_field_is_refused(tmp_path: Path, path: str, words: str) -> None:
    """Teaches: a `never` about a misspelt field would always hold."""
    message = refused(tmp_path, "status.readyReplicas: 1", f'"{path}": 1')
    assert message.startswith(f"scenario.yaml, line 17: expect.0.eventually.where: {path}: ")
    assert words in message


def test_the_first_of_several_mistakes_is_told(tmp_path: Path) -> None:
    """Teaches: mend a file from top to bottom."""
    message = refused(tmp_path, "  title: Mine", "  title: Mine\n  colour: red\n  steeps: []")
    assert message == "scenario.yaml, line 7: spec.colour: there is no such field"


def test_a_manifest_without_objects_is_found_before_the_run(tmp_path: Path) -> None:
    """Teaches: an empty file is a mistake, as for kubectl."""
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    message = refused(tmp_path, "create deployment web --image=nginx", "apply -f empty.yaml")
    assert message.endswith("steps.0.kubectl: empty.yaml: there is no Kubernetes object in it")
