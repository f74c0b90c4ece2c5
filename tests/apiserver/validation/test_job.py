"""Tests of kubesim.apiserver.validation.job."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.apiserver.validation.job import validate_job_spec, validate_job_update

POD: dict[str, Any] = {
    "restartPolicy": "Never", "dnsPolicy": "Default",
    "containers": [{
        "name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
    }],
}  # fmt: skip
CODES = {"operator": "In", "values": [1]}
RULE = {"action": "FailJob", "onExitCodes": CODES}


def problems(pod: dict[str, Any] = POD, **spec: Any) -> list[str]:
    found = validate_job_spec({"template": {"spec": pod}, **spec}, "spec")
    return [f"{each.field}: {each.message}" for each in found]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"parallelism": -1}, "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"),
        ({"completionMode": "Some"},
         'spec.completionMode: Unsupported value: "Some": supported values: "Indexed", "NonIndexed"'),
        ({"completionMode": "Indexed"}, "spec.completions: Required value: when completion mode is Indexed"),
        ({"backoffLimitPerIndex": 1}, "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        ({"maxFailedIndexes": 1}, "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        ({"podReplacementPolicy": "X"},
         'spec.podReplacementPolicy: Unsupported value: "X": supported values: "Failed", "TerminatingOrFailed"'),
        ({"podFailurePolicy": {"rules": [{**RULE, "onExitCodes": {**CODES, "values": [0]}}]}},
         "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"),
        ({"podFailurePolicy": {"rules": [{**RULE, "onExitCodes": {**CODES, "values": [2, 1]}}]}},
         "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,1]: must be ordered"),
        ({"podFailurePolicy": {"rules": [{**RULE, "action": "FailIndex"}]}},
         'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": '
         'requires the backoffLimitPerIndex to be set'),
    ],
)  # fmt: skip
def test_a_mistake_is_named(spec: dict[str, Any], words: str) -> None:
    """Teaches: what belongs together in a Job, in the real server's words."""
    assert problems(**spec) == [words]


def test_a_good_job_has_no_problems() -> None:
    """Teaches: a Job with everything."""
    policy = {
        "rules": [RULE, {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
    }
    indexed = {"completionMode": "Indexed", "completions": 3, "backoffLimitPerIndex": 1, "maxFailedIndexes": 2}
    assert problems(podFailurePolicy=policy, podReplacementPolicy="Failed", **indexed) == []
    assert problems({**POD, "restartPolicy": "OnFailure"}, podFailurePolicy=policy) == [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": '
        'only "Never" is supported when podFailurePolicy is specified'
    ]


def test_what_may_change_and_what_may_not() -> None:
    """Teaches: a halted Job may be sent elsewhere; an Indexed one may grow; everything else is for life."""
    old: dict[str, Any] = {"template": {"spec": POD}, "completions": 2, "parallelism": 2, "completionMode": "Indexed"}
    moved = {**old, "template": {"spec": {**POD, "nodeSelector": {"a": "b"}}}}
    fields = [each.field for each in validate_job_update(moved, old)]
    assert fields == ["spec.template"]
    assert validate_job_update(moved, {**old, "suspend": True}) == []
    assert validate_job_update({**old, "completions": 3, "parallelism": 3}, old) == []
    (problem,) = validate_job_update({**old, "completions": 3}, old)
    assert problem.message == "Invalid value: 3: can only be modified in tandem with spec.parallelism"
    (problem,) = validate_job_update({**old, "completionMode": "NonIndexed"}, old)
    assert (problem.field, problem.message) == (
        "spec.completionMode",
        'Invalid value: "NonIndexed": field is immutable',
    )
