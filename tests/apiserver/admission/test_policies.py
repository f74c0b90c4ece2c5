"""Admission policies: rules of the cluster as expressions."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ApiError, ForbiddenError, InvalidError
from kubesim.api.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    MUTATING_POLICIES,
    MUTATING_POLICY_BINDINGS,
    NAMESPACES,
    VALIDATING_POLICIES,
    VALIDATING_POLICY_BINDINGS,
)
from kubesim.api.stored import Object
from kubesim.sim import Simulation

DEPLOYMENT_RULE = {
    "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
    "resources": ["deployments", "deployments/scale"],
}  # fmt: skip
MAP_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}


async def bind(api: Any, policy: str, actions: list[str] | None = None, **spec: Any) -> None:
    body = {"policyName": policy, "validationActions": actions or ["Deny"], **spec}
    await api.create(VALIDATING_POLICY_BINDINGS, {"metadata": {"name": f"{policy}-binding"}, "spec": body})


async def rule(api: Any, *validations: Object, rules: list[Object] | None = None, **spec: Any) -> None:
    match = {"resourceRules": rules or [MAP_RULE]}
    body = {"matchConstraints": match, "validations": list(validations), **spec}
    await api.create(VALIDATING_POLICIES, {"metadata": {"name": "p"}, "spec": body})


async def refusal(call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


def config(name: str, **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def test_a_denial_names_policy_and_binding(sim: Simulation, boot: Any) -> None:
    """Teaches: the reason is Invalid although the text says forbidden, and there is one cause without a field."""
    async with boot(sim) as api:
        await rule(api, {"expression": "object.spec.replicas <= 5"}, rules=[DEPLOYMENT_RULE])
        await api.deployment("before", replicas=9)  # A policy without a binding does nothing.
        await bind(api, "p")
        await api.deployment("small")
        error = await refusal(api.deployment("big", replicas=6))
        text = "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: "
        message = text + "failed expression: object.spec.replicas <= 5"
        assert isinstance(error, InvalidError)
        assert error.message == f'deployments.apps "big" is forbidden: {message}'
        assert error.details == {
            "name": "big",
            "group": "apps",
            "kind": "deployments",
            "causes": [{"message": message}],
        }
        scale = {"spec": {"replicas": 7}}
        error = await refusal(api.patch(DEPLOYMENTS, "small", scale, subresource="scale"))
        assert error.message.endswith(message)
        await api.delete(DEPLOYMENTS, "before")  # The rule says nothing of deletions.


async def test_messages_reasons_and_variables(sim: Simulation, boot: Any) -> None:
    """Teaches: messageExpression wins over message; variables are worked out once they are named."""
    async with boot(sim) as api:
        await rule(
            api,
            {
                "expression": "variables.count < 2",
                "message": "too many",
                "messageExpression": "'has ' + string(variables.count)",
                "reason": "Forbidden",
            },
            variables=[{"name": "count", "expression": "size(object.data)"}],
        )
        await bind(api, "p")
        error = await refusal(api.create(CONFIG_MAPS, config("x", a="1", b="2")))
        assert isinstance(error, ForbiddenError)
        assert error.message.endswith("denied request: has 2")
        error = await refusal(api.create(CONFIG_MAPS, {"metadata": {"name": "x"}}))
        expected = "expression 'variables.count < 2' resulted in error: "
        assert error.message.endswith(expected + 'composited variable "count" fails to evaluate: no such key: data')


async def test_warnings_go_with_the_answer(sim: Simulation, boot: Any) -> None:
    """Teaches: a new rule is tried out with Warn before it denies."""
    async with boot(sim) as api:
        await rule(api, {"expression": "has(object.data)", "message": "no data"})
        await bind(api, "p", ["Warn", "Audit"])
        response = await api.call("create", CONFIG_MAPS, "", {"metadata": {"name": "x"}})
        text = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': no data"
        assert response.warnings == (text,)


async def test_errors_count_as_the_failure_policy_says(sim: Simulation, boot: Any) -> None:
    """Teaches: Ignore lets pass what cannot be decided."""
    async with boot(sim) as api:
        await rule(api, {"expression": "object.data.x == '1'"}, failurePolicy="Ignore")
        await bind(api, "p")
        await api.create(CONFIG_MAPS, {"metadata": {"name": "no-data"}})
        await refusal(api.create(CONFIG_MAPS, config("wrong", x="2")))


async def test_match_conditions_and_selectors_narrow(sim: Simulation, boot: Any) -> None:
    """Teaches: what a policy does not match it does not evaluate."""
    async with boot(sim) as api:
        await api.create(NAMESPACES, {"metadata": {"name": "free", "labels": {"free": "yes"}}})
        await rule(
            api,
            {"expression": "false"},
            matchConditions=[{"name": "not-mine", "expression": "request.userInfo.username != 'me'"}],
            matchConstraints={
                "resourceRules": [MAP_RULE],
                "excludeResourceRules": [{**MAP_RULE, "resourceNames": ["spared"]}],
                "namespaceSelector": {"matchExpressions": [{"key": "free", "operator": "DoesNotExist"}]},
                "objectSelector": {"matchLabels": {"checked": "yes"}},
            },
        )
        await bind(api, "p")
        checked = {"labels": {"checked": "yes"}}
        await api.create(CONFIG_MAPS, config("unlabelled"))
        await api.create(CONFIG_MAPS, {"metadata": {"name": "spared", **checked}})
        await api.create(CONFIG_MAPS, {"metadata": {"name": "x", **checked}}, namespace="free")
        error = await refusal(api.create(CONFIG_MAPS, {"metadata": {"name": "x", **checked}}))
        assert error.message.endswith("failed expression: false")


async def test_deletions_have_only_an_old_object(sim: Simulation, boot: Any) -> None:
    """Teaches: `object` is null in a DELETE."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, config("kept", keep="yes"))
        condition = "request.operation != 'DELETE' || (object == null && oldObject.data.keep != 'yes')"
        await rule(api, {"expression": condition, "message": "keep it"})
        await bind(api, "p")
        assert (await refusal(api.delete(CONFIG_MAPS, "kept"))).message.endswith("denied request: keep it")
        await api.patch(CONFIG_MAPS, "kept", {"data": {"keep": "no"}})
        await api.delete(CONFIG_MAPS, "kept")


async def test_parameters_are_objects_of_any_kind(sim: Simulation, boot: Any) -> None:
    """Teaches: what is missing denies or allows, as the binding says."""
    async with boot(sim) as api:
        await rule(
            api,
            {"expression": "object.spec.replicas <= int(params.data.max)"},
            rules=[DEPLOYMENT_RULE],
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        )
        ref = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
        await bind(api, "p", paramRef=ref)
        error = await refusal(api.deployment())
        words = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
        assert error.message.endswith(words)
        await api.create(CONFIG_MAPS, config("limits", max="3"))
        await api.deployment()
        await refusal(api.deployment("four", replicas=4))


async def test_authorization_can_be_asked(sim: Simulation, boot: Any) -> None:
    """Teaches: `authorizer` answers what the cluster's own authorization would."""
    async with boot(sim) as api:
        question = "authorizer.group('apps').resource('deployments').namespace('default').check('create').allowed()"
        await rule(api, {"expression": question})
        await bind(api, "p")
        await api.create(CONFIG_MAPS, config("x"))  # The administrator may.


INVALID: list[tuple[Object, str]] = [
    (
        {"validations": [{"expression": "object.x +"}]},
        'spec.validations[0].expression: Invalid value: "object.x +": compilation failed: ERROR: <input>:1:11: Syntax '
        "error: mismatched input '<EOF>'",
    ),
    (
        {"validations": [{"expression": "request.nosuch == 1"}]},
        'spec.validations[0].expression: Invalid value: "request.nosuch == 1": compilation failed: ERROR: <input>:1:8: '
        "undefined field 'nosuch'",
    ),
    (
        {"validations": [{"expression": "'text'"}]},
        "spec.validations[0].expression: Invalid value: \"'text'\": must evaluate to bool but got string",
    ),
    (
        {"validations": [{"expression": "params.x == 1"}]},
        "undeclared reference to 'params' (in container '')",
    ),
    ({"validations": [{"expression": "true", "reason": "Bad"}]}, 'supported values: "Forbidden", "Invalid"'),
    ({}, "spec.validations: Required value: validations or auditAnnotations must contain at least one item"),
    (
        {"validations": [{"expression": "true"}], "variables": [{"name": "a-b", "expression": "1"}]},
        'spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier',
    ),
    (
        {"validations": [{"expression": "variables.b == 1"}], "variables": [{"name": "a", "expression": "1"}]},
        "undefined field 'b'",
    ),
    ({"validations": [{"expression": "true"}], "failurePolicy": "Maybe"}, 'supported values: "Fail", "Ignore"'),
    (
        {
            "validations": [{"expression": "true"}],
            "matchConstraints": {"resourceRules": [{**MAP_RULE, "operations": ["CREATE", "*"]}]},
        },
        "if '*' is present, must not specify other operations",
    ),
]


@pytest.mark.parametrize(("spec", "text"), INVALID, ids=[text[:50] for _, text in INVALID])
async def test_a_policy_that_makes_no_sense_is_refused(sim: Simulation, boot: Any, spec: Object, text: str) -> None:
    """Teaches: expressions are compiled when the policy is written, not when it is needed."""
    async with boot(sim) as api:
        body = {"matchConstraints": {"resourceRules": [MAP_RULE]}, **spec}
        error = await refusal(api.create(VALIDATING_POLICIES, {"metadata": {"name": "p"}, "spec": body}))
        assert text in error.message


async def test_a_binding_that_makes_no_sense_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: Deny and Warn together would say everything twice."""
    async with boot(sim) as api:
        error = await refusal(bind(api, "p", ["Deny", "Warn"]))
        assert "must not contain both Deny and Warn" in error.message
        error = await refusal(bind(api, "p", paramRef={"name": "x", "selector": {}}))
        assert "name and selector are mutually exclusive" in error.message


async def test_defaults_of_policies(sim: Simulation, boot: Any) -> None:
    """Teaches: a rule means all scopes and equivalent versions unless it says otherwise."""
    async with boot(sim) as api:
        await rule(api, {"expression": "true"})
        spec = (await api.get(VALIDATING_POLICIES, "p")).object["spec"]
        assert spec["failurePolicy"] == "Fail"
        match = spec["matchConstraints"]
        assert (match["matchPolicy"], match["namespaceSelector"], match["resourceRules"][0]["scope"]) == (
            "Equivalent", {}, "*",
        )  # fmt: skip


async def mutation(api: Any, name: str, *mutations: Object, policy: str = "Never", **spec: Any) -> None:
    body = {
        "matchConstraints": {"resourceRules": [{**MAP_RULE, "operations": ["CREATE", "UPDATE"]}]},
        "reinvocationPolicy": policy,
        "mutations": list(mutations),
        **spec,
    }
    await api.create(MUTATING_POLICIES, {"metadata": {"name": name}, "spec": body})
    await api.create(MUTATING_POLICY_BINDINGS, {"metadata": {"name": f"{name}-b"}, "spec": {"policyName": name}})


def apply(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def json_patch(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def test_a_policy_completes_objects(sim: Simulation, boot: Any) -> None:
    """Teaches: a piece is merged in, a patch is applied; both see the object as it is by then."""
    async with boot(sim) as api:
        await mutation(
            api,
            "m",
            apply("Object{metadata: Object.metadata{labels: {'by': request.userInfo.username}}}"),
            json_patch(
                "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), "
                "value: object.metadata.labels.by}]"
            ),
        )
        made = await api.create(CONFIG_MAPS, config("x", c="d"))
        assert made.object["metadata"]["labels"] == {"by": "kubernetes-admin", "a/b": "kubernetes-admin"}


async def test_items_of_lists_are_merged_by_their_keys(sim: Simulation, boot: Any) -> None:
    """Teaches: a sidecar is added behind the containers that are there."""
    async with boot(sim) as api:
        path = "Object.spec.template.spec"
        pod_spec = f"{path}{{containers: [{path}.containers{{name: 'proxy', image: 'proxy:1'}}]}}"
        piece = f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {pod_spec}}}}}}}"
        rules = [{**DEPLOYMENT_RULE, "resources": ["deployments"]}]
        await mutation(api, "m", apply(piece), matchConstraints={"resourceRules": rules})
        made = await api.deployment()
        containers = made.object["spec"]["template"]["spec"]["containers"]
        assert [one["name"] for one in containers] == ["c", "proxy"]
        assert containers[1]["imagePullPolicy"] == "IfNotPresent"  # Defaults come after the change.


async def test_what_cannot_be_applied_refuses_the_request(sim: Simulation, boot: Any) -> None:
    """Teaches: the words are the policy's alone; "is forbidden" does not precede them."""
    async with boot(sim) as api:
        await mutation(api, "m", apply("Object{spec: Object.spec{x: 1}}"))
        error = await refusal(api.create(CONFIG_MAPS, config("x")))
        assert isinstance(error, ForbiddenError)
        assert error.message.startswith("policy 'm' with binding 'm-b' denied request: error applying patch: ")
        assert ".spec: field not declared in schema" in error.message


async def test_policies_see_what_later_ones_did_if_needed(sim: Simulation, boot: Any) -> None:
    """Teaches: with IfNeeded a policy is asked once more when another has changed the object."""
    async with boot(sim) as api:
        seen = "Object{metadata: Object.metadata{annotations: {'seen': object.?data.late.orValue('no')}}}"
        await mutation(api, "a", apply(seen), policy="IfNeeded")
        await mutation(api, "b", json_patch("[JSONPatch{op: 'add', path: '/data/late', value: 'yes'}]"))
        made = await api.create(CONFIG_MAPS, config("x", k="v"))
        assert made.object["metadata"]["annotations"] == {"seen": "yes"}


async def test_a_mutating_policy_must_give_an_object_or_patches(sim: Simulation, boot: Any) -> None:
    """Teaches: the kind of mutation says what the expression gives."""
    async with boot(sim) as api:
        error = await refusal(mutation(api, "m", apply("{'a': 'b'}")))
        assert "must evaluate to Object but got map(string, string)" in error.message
        error = await refusal(mutation(api, "m", {"patchType": "JSONPatch"}))
        assert (
            "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch"
            in error.message
        )
