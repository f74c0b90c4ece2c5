"""The strategies of admission policies and their bindings.

Upstream: pkg/apis/admissionregistration/validation, pkg/registry/admissionregistration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.admission.mutating_policy import LIST_OF_PATCHES, OBJECT, STRUCTS
from kubesim.apiserver.admission.policy_expressions import Compiler
from kubesim.apiserver.cel import BOOL, NULL, STRING
from kubesim.apiserver.cel.escaping import RESERVED
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.admission_rules import (
    FAILURE_POLICIES,
    check_expression,
    validate_match_conditions,
    validate_match_resources,
    validate_selector,
)
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_subdomain, path_segment, qualified_name

ACTIONS = ("Audit", "Deny", "Warn")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")  # What is deleted cannot be changed.
REINVOCATIONS = ("IfNeeded", "Never")
ANNOTATIONS_MAX, ANNOTATION_BYTES_MAX = 20, 5 * 1024
ONE_ITEM = "validations or auditAnnotations must contain at least one item"
DENY_AND_WARN = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
    "headers serves no purpose)"
)
EXCLUSIVE = "name and selector are mutually exclusive"
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*\Z")
_VERSION = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
Problems = list[FieldError]


class PolicyStrategy(Strategy):
    """What both kinds of policy have in common."""

    def validate(self, obj: Object) -> Problems:
        """What it is about, when it counts, and that everything in it compiles."""
        spec: Object = obj.get("spec") or {}
        problems = []
        if spec.get("failurePolicy") not in FAILURE_POLICIES:
            problems.append(not_supported("spec.failurePolicy", spec.get("failurePolicy", ""), FAILURE_POLICIES))
        if spec.get("paramKind") is not None:
            problems += _param_kind(spec["paramKind"])
        match = spec.get("matchConstraints")
        if match is None:
            problems.append(required("spec.matchConstraints"))
        else:
            problems += validate_match_resources(match, "spec.matchConstraints")
            if not match.get("resourceRules"):
                problems.append(required("spec.matchConstraints.resourceRules"))
        has_params = spec.get("paramKind") is not None
        problems += validate_match_conditions(
            spec.get("matchConditions"), "spec.matchConditions", has_params=has_params
        )
        compiler = self.compiler(has_params)
        for index, variable in enumerate(spec.get("variables") or ()):
            problems += _variable(compiler, variable, f"spec.variables[{index}]")
        return problems + self.validate_rules(obj, spec, compiler)

    def compiler(self, has_params: bool) -> Compiler:
        """What compiles the policy's own expressions."""
        return Compiler(has_params=has_params)

    def validate_rules(self, obj: Object, spec: Object, compiler: Compiler) -> Problems:
        """What the policy says itself."""
        raise NotImplementedError


class ValidatingPolicyStrategy(PolicyStrategy):
    """ValidatingAdmissionPolicy."""

    def validate_rules(self, obj: Object, spec: Object, compiler: Compiler) -> Problems:
        """Validations and audit annotations."""
        validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
        if not validations and not annotations:
            return [required("spec.validations", ONE_ITEM), required("spec.auditAnnotations", ONE_ITEM)]
        problems = []
        for index, validation in enumerate(validations):
            problems += _validation(compiler, validation, f"spec.validations[{index}]")
        if len(annotations) > ANNOTATIONS_MAX:
            words = f"must not have more than {ANNOTATIONS_MAX} auditAnnotations"
            problems.append(invalid("spec.auditAnnotations", annotations, words))
        seen: set[str] = set()
        for index, annotation in enumerate(annotations):
            path = f"spec.auditAnnotations[{index}]"
            problems += _annotation(compiler, obj["metadata"].get("name", ""), annotation, path)
            if annotation.get("key", "") in seen:
                problems.append(duplicate(f"{path}.key", annotation["key"]))
            seen.add(annotation.get("key", ""))
        return problems


class MutatingPolicyStrategy(PolicyStrategy):
    """MutatingAdmissionPolicy."""

    def compiler(self, has_params: bool) -> Compiler:
        """Objects and patches may be written down."""
        return Compiler(has_params=has_params, structs=STRUCTS)

    def validate_rules(self, obj: Object, spec: Object, compiler: Compiler) -> Problems:
        """Mutations."""
        del obj  # Its name does not matter.
        problems = []
        for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
            for operation in rule.get("operations") or ():
                if operation not in MUTATING_OPERATIONS:
                    path = "spec.matchConstraints.resourceRules.operations"
                    problems.append(not_supported(path, operation, MUTATING_OPERATIONS))
        mutations = spec.get("mutations") or ()
        if not mutations:
            problems.append(required("spec.mutations", "mutations must contain at least one item"))
        for index, mutation in enumerate(mutations):
            problems += _mutation(compiler, mutation, f"spec.mutations[{index}]")
        policy = spec.get("reinvocationPolicy")
        if not policy:
            problems.append(required("spec.reinvocationPolicy"))
        elif policy not in REINVOCATIONS:
            problems.append(not_supported("spec.reinvocationPolicy", policy, REINVOCATIONS))
        return problems


class MutatingPolicyBindingStrategy(Strategy):
    """MutatingAdmissionPolicyBinding."""

    def validate(self, obj: Object) -> Problems:
        """Which policy, with which parameters, where."""
        spec: Object = obj.get("spec") or {}
        problems = []
        name = spec.get("policyName") or ""
        if name:
            problems += [invalid("spec.policyName", name, words) for words in dns_subdomain(name)]
        else:
            problems.append(required("spec.policyName"))
        if spec.get("paramRef") is not None:
            problems += _param_ref(spec["paramRef"])
        return problems + validate_match_resources(spec.get("matchResources"), "spec.matchResources")


class ValidatingPolicyBindingStrategy(MutatingPolicyBindingStrategy):
    """ValidatingAdmissionPolicyBinding: says what happens too."""

    def validate(self, obj: Object) -> Problems:
        """Actions, none twice."""
        problems = super().validate(obj)
        actions: Sequence[Any] = (obj.get("spec") or {}).get("validationActions") or ()
        path = "spec.validationActions"
        for index, action in enumerate(actions):
            if action not in ACTIONS:
                problems.append(not_supported(f"{path}[{index}]", action, ACTIONS))
            if action in actions[:index]:
                problems.append(duplicate(f"{path}[{index}]", action))
        if "Deny" in actions and "Warn" in actions:
            problems.append(invalid(path, actions, DENY_AND_WARN))
        if not actions:
            problems.append(required(path, "at least one validation action is required"))
        return problems


def _param_kind(kind: Object) -> Problems:
    path = "spec.paramKind"
    problems = []
    api_version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    group, _, version = api_version.rpartition("/")
    if not api_version:
        problems.append(required(f"{path}.apiVersion"))
    elif api_version.count("/") > 1:
        problems.append(invalid(f"{path}.apiVersion", api_version, f"unexpected GroupVersion string: {api_version}"))
    else:
        if group:
            problems += [invalid(f"{path}.apiVersion", group, words) for words in dns_subdomain(group)]
        if not version:
            problems.append(invalid(f"{path}.apiVersion", api_version, "version must be specified"))
        elif not _VERSION.match(version):
            problems.append(invalid(f"{path}.apiVersion", version, LABEL_1035))
    if not name:
        problems.append(required(f"{path}.kind"))
    elif not _VERSION.match(name.lower()):
        words = f"may have mixed case, but should otherwise match: {LABEL_1035}"
        problems.append(invalid(f"{path}.kind", name, words))
    return problems


LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def _variable(compiler: Compiler, variable: Object, path: str) -> Problems:
    problems = []
    name, expression = variable.get("name") or "", variable.get("expression") or ""
    if not name.strip():
        problems.append(required(f"{path}.name", "name is not specified"))
    elif not _IDENTIFIER.match(name) or name in RESERVED:
        problems.append(invalid(f"{path}.name", name, "name is not a valid CEL identifier"))
    if not expression.strip():
        problems.append(required(f"{path}.expression", "expression is not specified"))
        return problems
    try:
        compiler.store(name, expression)
    except ValueError as error:
        problems.append(invalid(f"{path}.expression", expression, str(error)))
    return problems


def _validation(compiler: Compiler, validation: Object, path: str) -> Problems:
    problems = []
    expression, message = validation.get("expression") or "", validation.get("message") or ""
    message_expression, reason = validation.get("messageExpression") or "", validation.get("reason")
    if expression.strip():
        problems += check_expression(compiler, expression, f"{path}.expression", (BOOL,))
    else:
        problems.append(required(f"{path}.expression", "expression is not specified"))
    if message_expression.strip():
        here = f"{path}.messageExpression"
        problems += check_expression(compiler, message_expression, here, (STRING,), authorizes=False)
    elif message_expression:
        problems.append(invalid(f"{path}.messageExpression", message_expression, "must be non-empty if specified"))
    if message and not message.strip():
        problems.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif any(sign in message.strip() for sign in "\r\n"):
        problems.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    if reason is not None and reason not in REASONS:
        problems.append(not_supported(f"{path}.reason", reason, REASONS))
    return problems


def _annotation(compiler: Compiler, name: str, annotation: Object, path: str) -> Problems:
    key, expression = annotation.get("key") or "", (annotation.get("valueExpression") or "").strip()
    if name:
        whole = f"{name}/{key}"
        problems = [invalid(f"{path}.key", whole, words) for words in qualified_name(whole)]
    else:
        problems = [invalid(f"{path}.key", key, "requires metadata.name be non-empty")]
    here = f"{path}.valueExpression"
    if not expression:
        return [*problems, required(here, "valueExpression is not specified")]
    if len(expression.encode()) > ANNOTATION_BYTES_MAX:
        return [*problems, required(here, f"must not exceed {ANNOTATION_BYTES_MAX} bytes in length")]
    return problems + check_expression(compiler, expression, here, (STRING, NULL))


def _mutation(compiler: Compiler, mutation: Object, path: str) -> Problems:
    kinds = {"ApplyConfiguration": ("applyConfiguration", OBJECT), "JSONPatch": ("jsonPatch", LIST_OF_PATCHES)}
    kind = mutation.get("patchType") or ""
    if not kind:
        return [required(f"{path}.patchType")]
    if kind not in kinds:
        return [not_supported(f"{path}.patchType", kind, tuple(kinds))]
    field, result = kinds[kind]
    problems = []
    for other, _ in kinds.values():
        if other != field and mutation.get(other) is not None:
            words = f"must not be specified when patchType is {kind}"
            problems.append(invalid(f"{path}.{other}", f"{{{other}}}", words))
    if mutation.get(field) is None:
        return [*problems, required(f"{path}.{field}", f"must be specified when patchType is {kind}")]
    expression = mutation[field].get("expression") or ""
    here = f"{path}.{field}.expression"
    if not expression.strip():
        return [*problems, required(here)]
    return problems + check_expression(compiler, expression.strip(), here, (result,))


def _param_ref(ref: Object) -> Problems:
    path = "spec.paramRef"
    problems = []
    name, selector, action = ref.get("name") or "", ref.get("selector"), ref.get("parameterNotFoundAction")
    if name:
        problems += [invalid(f"{path}.name", name, words) for words in path_segment(name)]
        if selector is not None:
            problems.append(forbidden(f"{path}.name", EXCLUSIVE))
    if selector is not None:
        problems += validate_selector(selector, f"{path}.selector")
        if name:
            problems.append(forbidden(f"{path}.selector", EXCLUSIVE))
    if not name and selector is None:
        problems.append(required(path, "one of name or selector must be specified"))
    if not action:
        problems.append(required(f"{path}.parameterNotFoundAction"))
    elif action not in ("Deny", "Allow"):
        problems.append(not_supported(f"{path}.parameterNotFoundAction", action, ("Deny", "Allow")))
    return problems
