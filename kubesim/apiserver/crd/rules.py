"""x-kubernetes-validations at work: CEL rules compiled from a schema, and evaluated over objects.

A rule sees the part of the object that its schema describes as `self`; one that also names `oldSelf` is a
transition rule, which holds only where an update has an old value to compare with. A rule that a part broke before
an update, and that the update leaves alone, is tolerated.

Upstream: pkg/apiserver/schema/cel in k8s.io/apiextensions-apiserver. Left out: the estimate of what a rule may cost,
by which the real server refuses some definitions.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from kubesim.api.errors import FieldError, InternalError
from kubesim.api.stored import Object
from kubesim.apiserver.cel import (
    BOOL,
    DYN,
    STRING,
    Budget,
    CompileError,
    CostExceededError,
    EvaluationError,
    Program,
    Type,
    compile,  # noqa: A004 (what cel-go calls it)
    optional_of,
    schema_type,
)
from kubesim.apiserver.cel.values import Optional
from kubesim.apiserver.crd.rule_rules import VALIDATIONS
from kubesim.apiserver.validation.field import duplicate, forbidden, invalid, required, show

OBJECT_COST_MAX = 10_000_000  # Upstream's RuntimeCELCostBudget, for all rules of one object.
OLD_SELF = re.compile(r"\boldSelf\b")
NO_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class CompiledRule(NamedTuple):
    """One rule, ready to be evaluated."""

    rule: Object
    program: Program
    message: Program | None
    is_transition: bool


class Rules:
    """The compiled rules of one schema and, below it, of its parts."""

    def __init__(self, own: list[CompiledRule], schema: Object, fields: dict[str, Rules], every: Rules | None) -> None:
        self._own = own
        self._schema = schema
        self._fields = fields
        self._every = every  # Of list items, or of the values of a map.

    def validate(self, obj: Any, old: Any) -> list[FieldError]:
        """Which rules an object breaks; `old` is what it was before an update."""
        return self._validate(obj, old, "", Budget(OBJECT_COST_MAX))

    def _validate(self, value: Any, old: Any, path: str, budget: Budget) -> list[FieldError]:
        problems = [problem for rule in self._own for problem in evaluated(rule, value, old, path, budget)]
        if type(value) is dict:
            before = old if type(old) is dict else {}
            for name, part in value.items():
                rules = self._fields.get(name, self._every)
                if rules is not None and part is not None:
                    at = f"{path}.{name}" if path else name
                    problems += rules._validate(part, before.get(name), at, budget)
        elif type(value) is list and self._every is not None:
            known = self._old_items(old)
            for index, item in enumerate(value):
                if item is not None:
                    problems += self._every._validate(item, known.get(self._key(item)), f"{path}[{index}]", budget)
        return problems

    def _old_items(self, old: Any) -> dict[str, Any]:
        """Items of a list that is a map are known by their keys; of any other list, nobody knows which was which."""
        keys = self._schema.get("x-kubernetes-list-map-keys")
        return {self._key(item): item for item in old} if keys and type(old) is list else {}

    def _key(self, item: Any) -> str:
        keys = self._schema.get("x-kubernetes-list-map-keys") or ()
        return show([item.get(key) for key in keys]) if type(item) is dict else ""


def compiled_rules(schema: Object, *, is_root: bool = True) -> Rules | None:
    """All rules of a schema that was accepted; None if there are none."""
    type_ = schema_type(schema, is_resource=is_root)
    own = [compiled_rule(rule, type_) for rule in schema.get(VALIDATIONS) or ()]
    fields = {}
    for name, field in (schema.get("properties") or {}).items():
        if (rules := compiled_rules(field, is_root=False)) is not None:
            fields[name] = rules
    part = schema.get("items") or schema.get("additionalProperties")
    every = compiled_rules(part, is_root=False) if isinstance(part, dict) else None
    return Rules(own, schema, fields, every) if own or fields or every else None


def compiled_rule(rule: Object, type_: Type) -> CompiledRule:
    """One rule; CompileError if it makes no sense."""
    variables = {"self": type_, "oldSelf": optional_of(type_) if rule.get("optionalOldSelf") else type_}
    expression = rule.get("messageExpression")
    message = compile(expression, variables) if expression else None
    is_transition = OLD_SELF.search(rule["rule"]) is not None
    return CompiledRule(rule, compile(rule["rule"], variables), message, is_transition)


def evaluated(compiled: CompiledRule, value: Any, old: Any, path: str, budget: Budget) -> list[FieldError]:
    """What is wrong by one rule with one value."""
    rule = compiled.rule
    if compiled.is_transition and old is None and not rule.get("optionalOldSelf"):
        return []
    if not compiled.is_transition and old is not None and old == value:
        return []
    previous = Optional(old is not None, old) if rule.get("optionalOldSelf") else old
    bindings = {"self": value, "oldSelf": previous}
    words = (rule.get("message") or rule["rule"]).strip()
    try:
        if compiled.program.evaluate(bindings, budget) is True:
            return []
    except CostExceededError as error:
        text = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {words}"
        return [broken(path, value, text)]
    except EvaluationError as error:
        if str(error).startswith("no such overload"):
            text = "call arguments did not match a supported operator, function or macro signature for rule"
            return [broken(path, value, f"'{error}': {text}: {words}")]
        return [broken(path, value, f"{error} evaluating rule: {words}")]
    detail = _message(compiled, bindings, budget) or (words if rule.get("message") else f"failed rule: {words}")
    return [_by_reason(rule, path + (rule.get("fieldPath") or ""), value, detail)]


def _message(compiled: CompiledRule, bindings: dict[str, Any], budget: Budget) -> str:
    """What the message expression says; "" if it fails, or says nothing that may be shown."""
    if compiled.message is None:
        return ""
    try:
        text = compiled.message.evaluate(bindings, budget)
    except EvaluationError:
        return ""
    return text.strip() if isinstance(text, str) and "\n" not in text.strip() else ""


def _by_reason(rule: Object, path: str, value: Any, detail: str) -> FieldError:
    field = path.removeprefix(".") or "<nil>"
    reason = rule.get("reason")
    if reason == "FieldValueForbidden":
        return forbidden(field, detail)
    if reason == "FieldValueRequired":
        return required(field, detail)
    if reason == "FieldValueDuplicate":
        return duplicate(field, value)
    return broken(field, value, detail)


def broken(path: str, value: Any, detail: str) -> FieldError:
    """A scalar is shown; an object or a list would be too long."""
    if isinstance(value, dict | list):
        return FieldError("FieldValueInvalid", path or "<nil>", f"Invalid value: {detail}")
    return invalid(path or "<nil>", value, detail)


# -- when a definition is written ----------------------------------------------------------------------------


def rule_problems(schema: Object, path: str) -> list[FieldError]:
    """What is wrong with the language of all rules in a schema."""
    return _problems(schema, path, is_root=True, lost="")


def _problems(schema: Object, path: str, *, is_root: bool, lost: str) -> list[FieldError]:
    """`lost`: the path below which nobody can tell which old value a new one was."""
    problems: list[FieldError] = []
    if rules := schema.get(VALIDATIONS):
        type_ = schema_type(schema, is_resource=is_root)
        for index, rule in enumerate(rules):
            problems += _compile_problems(rule, type_, f"{path}.{VALIDATIONS}[{index}]", lost)
    for name, field in (schema.get("properties") or {}).items():
        below = lost or (path if schema.get("x-kubernetes-map-type") == "atomic" else "")
        problems += _problems(field, f"{path}.properties[{name}]", is_root=False, lost=below)
    if isinstance(items := schema.get("items"), dict):
        below = lost or ("" if schema.get("x-kubernetes-list-type") == "map" else path)
        problems += _problems(items, f"{path}.items", is_root=False, lost=below)
    if isinstance(additional := schema.get("additionalProperties"), dict):
        problems += _problems(additional, f"{path}.additionalProperties", is_root=False, lost=lost)
    return problems


def _compile_problems(rule: Object, type_: Type, path: str, lost: str) -> list[FieldError]:
    problems = []
    variables = {"self": type_, "oldSelf": optional_of(type_) if rule.get("optionalOldSelf") else type_}
    for name, wanted, words, what in (
        ("rule", BOOL, "cel expression must evaluate to a bool", ""),
        ("messageExpression", STRING, "messageExpression must evaluate to a string", "messageExpression "),
    ):
        text = rule.get(name)
        if not text:
            continue
        try:
            result = compile(text, variables).result_type
        except CompileError as error:
            problems.append(_bad_rule(f"{path}.{name}", rule, f"{what}compilation failed: {error.text}"))
        except InternalError as error:
            return [forbidden(f"{path}.{name}", error.message)]
        else:
            if result not in (wanted, DYN):
                problems.append(_bad_rule(f"{path}.{name}", rule, words))
    if OLD_SELF.search(rule["rule"]):
        if lost:
            words = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {lost}"
            problems.append(invalid(f"{path}.rule", rule["rule"], words))
    elif rule.get("optionalOldSelf") is not None:
        words = "may not be set if oldSelf is not used in rule"
        problems.append(invalid(f"{path}.optionalOldSelf", rule["optionalOldSelf"], words))
    return problems


def _bad_rule(path: str, rule: Object, words: str) -> FieldError:
    """A rule is shown as the server's internal type prints it."""
    shown = {
        "Rule": rule["rule"],
        "Message": rule.get("message") or "",
        "MessageExpression": rule.get("messageExpression") or "",
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath") or "",
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }
    text = orjson.dumps(shown).decode()
    for letter in "&<>":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return FieldError("FieldValueInvalid", path, f"Invalid value: {text}: {words}")
