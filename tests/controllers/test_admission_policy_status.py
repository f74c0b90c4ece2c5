"""The status of admission policies: do the expressions fit what they are about?"""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import VALIDATING_POLICIES
from kubesim.api.stored import Object
from kubesim.cluster import ADMIN, SimCluster


def policy(name: str, *expressions: str, **rule: Any) -> Object:
    rules = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
        **rule,
    }
    spec = {
        "matchConstraints": {"resourceRules": [rules]},
        "validations": [{"expression": expression} for expression in expressions],
    }
    return {"metadata": {"name": name}, "spec": spec}


async def test_expressions_are_checked_against_the_schema(cluster: SimCluster) -> None:
    """Teaches: a typing error is only a warning, since the policy may be right about other versions."""
    client = cluster.client_for("test", ADMIN)
    good = "object.spec.template.spec.containers.all(c, c.image.startsWith('x/'))"
    await client.create(VALIDATING_POLICIES, policy("p", good, "object.spec.replica > 1"))
    await client.create(VALIDATING_POLICIES, policy("any", "object.spec.nosuch == 1", apiGroups=["*"]))
    await cluster.run_for(seconds=5)
    status = (await client.get(VALIDATING_POLICIES, "p")).object["status"]
    warning = (
        "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'\n"
        " | object.spec.replica > 1\n | ...........^\n"
    )
    found = [{"fieldRef": "spec.validations[1].expression", "warning": warning}]
    assert status == {"observedGeneration": 1, "typeChecking": {"expressionWarnings": found}}
    status = (await client.get(VALIDATING_POLICIES, "any")).object["status"]
    assert status == {"observedGeneration": 1, "typeChecking": {}}
