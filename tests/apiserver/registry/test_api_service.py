"""APIServices: what their names promise."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import API_SERVICES
from kubesim.apiserver.registry.api_service import APIServiceStrategy


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (None, "spec.group: Required value: only v1 may have an empty group"),
        ({"group": "g.io", "version": "v2"}, 'must be `spec.version+"."+spec.group`: "v2.g.io"'),
        ({"group": "g.io", "version": "v1", "groupPriorityMinimum": 20_001}, "must be positive and less than 20000"),
        ({"group": "g.io", "version": "v1", "service": {}}, "spec.service.namespace: Required value"),
        ({"group": "g.io", "version": "v1", "insecureSkipTLSVerify": True}, "may not have insecureSkipTLSVerify"),
    ],
)
def test_an_api_service_says_for_what_and_who(spec: Any, words: str) -> None:
    """Teaches: an APIService without a spec would say nothing, so there is none."""
    problems = APIServiceStrategy(API_SERVICES).validate({"metadata": {"name": "v1.g.io"}, "spec": spec})
    assert any(words in f"{problem.field}: {problem.message}" for problem in problems)
