"""MutatingAdmissionPolicy: an expression gives a piece of an object, or JSON patches, and the object is changed so.

`Object{spec: Object.spec{replicas: 3}}` is merged as server-side apply merges: maps field by field, lists with keys
item by item. `[JSONPatch{op: "add", path: "/spec/x", value: 1}]` is applied as it stands; a failed `test` leaves the
object alone. A policy that changes the object lets the plugins see it once more; of the policies, only those whose
reinvocationPolicy is IfNeeded.

The fields of `Object{…}` literals are checked when they are merged and not when they are compiled, as upstream does.

Upstream: k8s.io/apiserver/pkg/admission/plugin/policy/mutating.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubesim.api.defaults import default
from kubesim.api.errors import ApiError, ForbiddenError
from kubesim.api.patch import apply_json_patch
from kubesim.api.resources import MUTATING_POLICIES, MUTATING_POLICY_BINDINGS
from kubesim.api.schema import Schema
from kubesim.api.stored import Object
from kubesim.apiserver.admission.object_literals import LIST_OF_PATCHES, OBJECT, STRUCTS, as_json, check_names
from kubesim.apiserver.admission.plugin import Attributes, Target
from kubesim.apiserver.admission.policy import Invocation, PolicyPlugin, conditions_hold
from kubesim.apiserver.admission.policy_expressions import Compiler, Variables, bindings_of, evaluate
from kubesim.apiserver.admission.structured_merge import apply_piece
from kubesim.apiserver.cel import COST_MAX, Budget, EvaluationError, Program

__all__ = ["LIST_OF_PATCHES", "OBJECT", "STRUCTS", "MutatingPolicies"]

Compiled = Program | str


class Mutation(NamedTuple):
    """One mutation of a policy."""

    expression: str
    program: Compiled
    is_patch: bool


class CompiledPolicy(NamedTuple):
    """A policy's expressions."""

    conditions: list[tuple[str, Compiled]]
    variables: dict[str, Compiled]
    mutations: list[Mutation]


class MutatingPolicies(PolicyPlugin[CompiledPolicy]):
    """Carries out mutating admission policies."""

    name = "MutatingAdmissionPolicy"
    policies = MUTATING_POLICIES
    bindings = idle_without = MUTATING_POLICY_BINDINGS

    def handles(self, target: Target) -> bool:
        """What is deleted cannot be changed any more."""
        return super().handles(target) and target.operation != "DELETE"

    def mutate(self, attributes: Attributes) -> Object:
        """The object, changed."""
        errors: list[str] = []
        for invocation in list(self.invocations(attributes)):
            spec = invocation.policy.object["spec"]
            if attributes.is_reinvocation and spec.get("reinvocationPolicy") != "IfNeeded":
                continue
            problems = self._carry_out(attributes, invocation)
            if invocation.fails:
                errors += [_described(invocation, problem) for problem in problems]
        if errors:
            raise _refusal(attributes, errors)
        return attributes.obj

    def _carry_out(self, attributes: Attributes, invocation: Invocation[CompiledPolicy]) -> list[str]:
        """Changes the object; what went wrong."""
        if invocation.problem:
            return [invocation.problem]
        compiled, budget = invocation.compiled, Budget(COST_MAX)
        bindings = self._bindings(attributes, invocation, budget)
        try:
            if not conditions_hold(compiled.conditions, bindings, budget, evaluate):
                return []
        except EvaluationError as error:
            return [error.text]
        problems = []
        before = attributes.obj
        for mutation in compiled.mutations:
            bindings = self._bindings(attributes, invocation, budget)
            try:
                found = evaluate(mutation.program, bindings, budget, mutation.expression)
                attributes.obj = _applied(attributes, found, self.schema, is_patch=mutation.is_patch)
            except EvaluationError as error:
                problems.append(error.text)
            except (ApiError, ValueError) as error:
                problems.append(str(error))
        if attributes.obj != before:
            attributes.must_reinvoke = True
        return problems

    def _bindings(
        self, attributes: Attributes, invocation: Invocation[CompiledPolicy], budget: Budget
    ) -> dict[str, Any]:
        bindings = bindings_of(attributes, self.namespace_object(attributes), self.authorize)
        bindings["params"] = invocation.params
        bindings["variables"] = Variables(invocation.compiled.variables, bindings, budget)
        return bindings

    def compile_policy(self, spec: Object) -> CompiledPolicy:
        """Everything that the policy says."""
        has_params = spec.get("paramKind") is not None
        plain = Compiler(has_params=has_params)
        conditions = [
            (one["expression"], _attempt(plain, one["expression"].strip())) for one in spec.get("matchConditions") or ()
        ]
        compiler = Compiler(has_params=has_params, structs=STRUCTS)
        variables: dict[str, Compiled] = {}
        for one in spec.get("variables") or ():
            try:
                variables[one["name"]] = compiler.store(one["name"], one["expression"])
            except ValueError as error:
                variables[one["name"]] = str(error)
        mutations = []
        for one in spec.get("mutations") or ():
            is_patch = one.get("patchType") == "JSONPatch"
            expression = (one.get("jsonPatch" if is_patch else "applyConfiguration") or {}).get("expression", "")
            mutations.append(Mutation(expression, _attempt(compiler, expression.strip()), is_patch))
        return CompiledPolicy(conditions, variables, mutations)


def _attempt(compiler: Compiler, expression: str) -> Compiled:
    try:
        return compiler.compile(expression)
    except ValueError as error:
        return str(error)


def _applied(attributes: Attributes, found: Any, schema: Schema | None, *, is_patch: bool) -> Object:
    """The object after one mutation, with its defaults and the request's own metadata."""
    resource = attributes.context.request.resource
    if is_patch:
        patched = _patched(attributes.obj, found)
    else:
        check_names(found)
        patch = as_json(found)
        node = schema.kind(*resource.gvk) if schema is not None else None
        patched = apply_piece(attributes.obj, patch, node)
    patched = default(resource, {**patched, "metadata": dict(patched.get("metadata") or {})})
    return {**patched, "kind": resource.kind, "apiVersion": resource.api_version}


def _patched(obj: Object, found: Any) -> Object:
    if not isinstance(found, list):
        raise EvaluationError("type mismatch: JSONPatchType.expression should evaluate to array")
    operations = [as_json(one) for one in found]
    for operation in operations:
        if operation.get("op") == "test":
            try:
                apply_json_patch(obj, [operation])
            except ApiError:
                return obj
    try:
        return apply_json_patch(obj, operations)
    except ApiError as error:
        raise EvaluationError(f"JSONPath: {error.__cause__ or error}") from None


def _described(invocation: Invocation[Any], problem: str) -> str:
    if invocation.binding is None:
        return f'policy "{invocation.policy.name}" denied request: {problem}'
    names = f"'{invocation.policy.name}' with binding '{invocation.binding.name}'"
    return f"policy {names} denied request: {problem}"


def _refusal(attributes: Attributes, errors: list[str]) -> ApiError:
    details: Mapping[str, Any] = attributes.refuse("").details or {}
    return ForbiddenError(errors[0], {**details, "causes": [{"message": text} for text in errors]})
