"""ValidatingAdmissionPolicy: rules of the cluster as CEL expressions, without a webhook.

An expression that is not true denies the request, warns, or is noted for the audit, as the binding says. Errors
count as denials unless failurePolicy is Ignore. Audit annotations are evaluated for their errors only: there is
no audit log.

Upstream: k8s.io/apiserver/pkg/admission/plugin/policy/validating.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubesim.api.errors import (
    ApiError,
    ForbiddenError,
    InvalidError,
    RequestEntityTooLargeError,
    UnauthorizedError,
)
from kubesim.api.resources import VALIDATING_POLICIES, VALIDATING_POLICY_BINDINGS
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import Attributes
from kubesim.apiserver.admission.policy import Invocation, PolicyPlugin, conditions_hold
from kubesim.apiserver.admission.policy_expressions import Compiler, Variables, bindings_of, evaluate
from kubesim.apiserver.cel import COST_MAX, Budget, EvaluationError, Program

MESSAGE_BYTES_MAX = 5 * 1024
REASONS: dict[str, type[ApiError]] = {
    "Forbidden": ForbiddenError,
    "Invalid": InvalidError,
    "RequestEntityTooLarge": RequestEntityTooLargeError,
    "Unauthorized": UnauthorizedError,
}
Compiled = Program | str  # A text is why it does not compile.


class Rule(NamedTuple):
    """One validation."""

    validation: Object
    program: Compiled
    message: Compiled | None


class CompiledPolicy(NamedTuple):
    """A policy's expressions."""

    conditions: list[tuple[str, Compiled]]
    variables: dict[str, Compiled]
    rules: list[Rule]
    annotations: list[tuple[str, Compiled]]


class Decision(NamedTuple):
    """Something is wrong: a message, and the reason that the error shall have."""

    message: str
    reason: str = "Invalid"


class ValidatingPolicies(PolicyPlugin[CompiledPolicy]):
    """Enforces validating admission policies."""

    name = "ValidatingAdmissionPolicy"
    policies = VALIDATING_POLICIES
    bindings = idle_without = VALIDATING_POLICY_BINDINGS

    def validate(self, attributes: Attributes) -> None:
        """Denies, in upstream's words, or warns."""
        if self.lookup_all(self.bindings):
            self._validate(attributes)

    def validate_deletion(self, attributes: Attributes) -> None:
        """The same."""
        self.validate(attributes)

    def _validate(self, attributes: Attributes) -> None:
        denials: list[tuple[Invocation[CompiledPolicy], Decision]] = []
        for invocation in self.invocations(attributes):
            if invocation.problem or invocation.binding is None:
                if invocation.fails:
                    denials.append((invocation, Decision(invocation.problem)))
                continue
            actions = (invocation.binding.object.get("spec") or {}).get("validationActions") or ()
            decisions, failures = self._decide(attributes, invocation)
            for decision in decisions:
                if "Deny" in actions:
                    denials.append((invocation, decision))
                if "Warn" in actions:
                    names = f"'{invocation.policy.name}' with binding '{invocation.binding.name}'"
                    warning = f"Validation failed for ValidatingAdmissionPolicy {names}: {decision.message}"
                    if warning not in attributes.context.warnings:
                        attributes.context.warnings.append(warning)
            denials += [(invocation, decision) for decision in failures]
        if denials:
            raise _denial(attributes, *denials[0])

    def _decide(
        self, attributes: Attributes, invocation: Invocation[CompiledPolicy]
    ) -> tuple[list[Decision], list[Decision]]:
        """What is wrong, and which audit annotations failed."""
        compiled = invocation.compiled
        budget = Budget(COST_MAX)
        bindings = bindings_of(attributes, self.namespace_object(attributes), self.authorize)
        bindings["params"] = invocation.params
        bindings["variables"] = Variables(compiled.variables, bindings, budget)
        try:
            if not conditions_hold(compiled.conditions, bindings, budget, evaluate):
                return [], []
        except EvaluationError as error:
            return ([Decision(error.text)] if invocation.fails else []), []
        decisions = []
        for rule in compiled.rules:
            try:
                if evaluate(rule.program, bindings, budget, rule.validation["expression"]) is not True:
                    reason = rule.validation.get("reason") or "Invalid"
                    decisions.append(Decision(_message(rule, bindings, budget), reason))
            except EvaluationError as error:
                if invocation.fails:
                    decisions.append(Decision(error.text))
        failures = []
        for expression, program in compiled.annotations:
            try:
                evaluate(program, bindings, budget, expression)
            except EvaluationError as error:
                if invocation.fails:
                    failures.append(Decision(error.text.replace("expression", "valueExpression", 1)))
        return decisions, failures

    def compile_policy(self, spec: Object) -> CompiledPolicy:
        """Everything that the policy says."""
        has_params = spec.get("paramKind") is not None
        plain = Compiler(has_params=has_params)
        conditions = [
            (one["expression"], _attempt(plain, one["expression"].strip())) for one in spec.get("matchConditions") or ()
        ]
        compiler = Compiler(has_params=has_params)
        variables: dict[str, Compiled] = {}
        for one in spec.get("variables") or ():
            try:
                variables[one["name"]] = compiler.store(one["name"], one["expression"])
            except ValueError as error:
                variables[one["name"]] = str(error)
        rules = [
            Rule(
                one,
                _attempt(compiler, one["expression"]),
                _attempt(compiler, one["messageExpression"], authorizes=False)
                if one.get("messageExpression")
                else None,
            )
            for one in spec.get("validations") or ()
        ]
        annotations = [
            (one["valueExpression"], _attempt(compiler, one["valueExpression"]))
            for one in spec.get("auditAnnotations") or ()
        ]
        return CompiledPolicy(conditions, variables, rules, annotations)


def _attempt(compiler: Compiler, expression: str, *, authorizes: bool = True) -> Compiled:
    """A stored policy compiled when it was written; still, nothing here may fail."""
    try:
        return compiler.compile(expression, authorizes=authorizes)
    except ValueError as error:
        return str(error)


def _message(rule: Rule, bindings: dict[str, Any], budget: Budget) -> str:
    """messageExpression if it gives one line of text, else message, else the expression itself."""
    message = ""
    if isinstance(rule.message, Program):
        try:
            found = rule.message.evaluate(bindings, budget)
        except EvaluationError:
            found = None
        if isinstance(found, str):
            message = found.strip()
        if len(message.encode()) > MESSAGE_BYTES_MAX or "\n" in message:
            message = ""
    message = message or (rule.validation.get("message") or "").strip()
    return message or f"failed expression: {rule.validation['expression'].strip()}"


def _denial(attributes: Attributes, invocation: Invocation[CompiledPolicy], decision: Decision) -> ApiError:
    names = f"'{invocation.policy.name}'"
    if invocation.binding is not None:
        names += f" with binding '{invocation.binding.name}'"
    message = f"ValidatingAdmissionPolicy {names} denied request: {decision.message}"
    refusal = attributes.refuse(message)
    details = {**(refusal.details or {}), "causes": [{"message": message}]}
    return REASONS.get(decision.reason, InvalidError)(refusal.message, details)
