"""The evaluator: a tree becomes a function, made once and called for every object.

Each node counts as one step (each turn of a loop too) and each call by the size of what it goes through; who
takes more steps than the limit is stopped. Upstream estimates costs a little differently (cel-go
interpreter/runtimecost.go), so the point where an expensive expression fails is near, not equal.

Upstream: cel-go interpreter/{planner,interpretable}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubesim.apiserver.cel.comprehensions import fold, pairs
from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.escaping import unescape
from kubesim.apiserver.cel.functions import Overload
from kubesim.apiserver.cel.functions.operators import COMPARISONS
from kubesim.apiserver.cel.functions.optionals import optional_select
from kubesim.apiserver.cel.logic import LAZY
from kubesim.apiserver.cel.names import PAIR_MACROS, qualified_name, type_names
from kubesim.apiserver.cel.scope import Evaluate, Scope
from kubesim.apiserver.cel.tree import Call, Constant, Fold, Ident, ListNode, Node, Select, Struct
from kubesim.apiserver.cel.values import Literal, Optional, type_of

# Operators speak for themselves when they do not know their operands.
_OPERATORS = frozenset(
    ("_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_==_", "_!=_", "@in", "_[_]", "_[?_]", "@not_strictly_false",
     *COMPARISONS)
)  # fmt: skip


class Planner:
    """Makes functions of nodes. `names` are the declared variables: a qualified name may be one of them."""

    def __init__(self, names: Mapping[str, Any], functions: Mapping[str, tuple[Overload, ...]]) -> None:
        self._names = {*names, *type_names()}
        self._functions = functions

    def plan(self, node: Node) -> Evaluate:
        """The function that gives the node's value in a scope."""
        if isinstance(node, Constant):
            value = node.value
            return lambda _scope: value
        if isinstance(node, Ident):
            return _variable(node.name)
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, ListNode):
            return self._list(node)
        if isinstance(node, Struct):
            return self._struct(node)
        return self._fold(node)

    def _select(self, node: Select) -> Evaluate:
        name = qualified_name(node)
        if name in self._names:
            return _variable(name)
        operand, field = self.plan(node.operand), node.field
        if node.test_only:
            return lambda scope: _has(operand(scope), field)
        return lambda scope: select(operand(scope), field)

    def _call(self, node: Call) -> Evaluate:
        name = node.function
        if name in LAZY:
            return LAZY[name](*map(self.plan, node.arguments))
        if name == "_?._":
            operand, field = node.arguments
            assert isinstance(field, Constant), "the parser lets only names follow `.?`"
            inner, key = self.plan(operand), field.value
            return lambda scope: optional_select(inner(scope), key)
        arguments, is_member = node.arguments, False
        if node.target is not None:
            prefix = qualified_name(node.target)
            qualified = f"{prefix}.{name}"
            if prefix and qualified in self._functions and prefix.partition(".")[0] not in self._names:
                name = qualified
            elif name in PAIR_MACROS and len(arguments) >= 3:
                return self._pairs(node)
            else:
                arguments, is_member = (node.target, *arguments), True
        planned = [self.plan(argument) for argument in arguments]
        candidates = [one for one in self._functions[name] if one.is_member == is_member]
        candidates = [one for one in candidates if len(one.params) == len(planned)]
        return _invocation(name, candidates, planned)

    def _pairs(self, node: Call) -> Evaluate:
        assert node.target is not None, "macros are members"
        key, value = node.arguments[:2]
        assert isinstance(key, Ident), "the checker has seen to it"
        assert isinstance(value, Ident), "the checker has seen to it"
        *tests, body = (self.plan(argument) for argument in node.arguments[2:])
        return pairs(node.function, self.plan(node.target), (key.name, value.name), tests[0] if tests else None, body)

    def _fold(self, node: Fold) -> Evaluate:
        appended = _appended(node)
        return fold(
            node,
            self.plan(node.range),
            self.plan(node.start),
            self.plan(node.condition),
            self.plan(node.step),
            self.plan(node.result),
            self._append(appended) if appended is not None else None,
        )

    def _append(self, appended: tuple[Node | None, Node]) -> tuple[Evaluate | None, Evaluate]:
        test, element = appended
        return self.plan(test) if test is not None else None, self.plan(element)

    def _list(self, node: ListNode) -> Evaluate:
        elements = [(self.plan(one), at in node.optional) for at, one in enumerate(node.elements)]

        def evaluate(scope: Scope) -> Any:
            made = []
            for element, is_optional in elements:
                value = element(scope)
                if not is_optional:
                    made.append(value)
                elif value.present:
                    made.append(value.value)
            return made

        return evaluate

    def _struct(self, node: Struct) -> Evaluate:
        entries = [
            (entry.key if isinstance(entry.key, str) else self.plan(entry.key), self.plan(entry.value), entry.optional)
            for entry in node.entries
        ]
        kind = node.name

        def evaluate(scope: Scope) -> Any:
            made: dict[Any, Any] = {}
            for key, value, is_optional in entries:
                found = value(scope)
                if is_optional:
                    if not found.present:
                        continue
                    found = found.value
                name = unescape(key) if isinstance(key, str) else key(scope)
                if name in made:
                    raise EvaluationError(f"Failed with repeated key: {name}")
                made[name] = found
            return Literal(kind, made) if kind else made

        return evaluate


def _variable(name: str) -> Evaluate:
    types = type_names()
    if name in types:
        type_ = types[name].params[0]
        return lambda scope: scope.names.get(name, type_)

    def evaluate(scope: Scope) -> Any:
        scope.step()
        try:
            return scope.names[name]
        except KeyError:
            raise EvaluationError(f"no such attribute(s): {name}") from None

    return evaluate


def select(operand: Any, field: str) -> Any:
    """`operand.field`."""
    if isinstance(operand, Mapping):
        if field in operand:
            return operand[field]
        name = unescape(field)
        if name in operand:
            return operand[name]
    elif isinstance(operand, Optional):
        return optional_select(operand, field)
    raise EvaluationError(f"no such key: {field}")


def _has(operand: Any, field: str) -> bool:
    if isinstance(operand, Optional):
        return optional_select(operand, field).present
    if isinstance(operand, Mapping):
        return field in operand or unescape(field) in operand
    raise EvaluationError("no such overload")


def _invocation(name: str, candidates: list[Overload], arguments: list[Evaluate]) -> Evaluate:
    if name in _OPERATORS and len({one.implementation for one in candidates}) == 1:
        return _operation(candidates[0].implementation, arguments)

    def evaluate(scope: Scope) -> Any:
        values = [argument(scope) for argument in arguments]
        scope.step(_size(values))
        for overload in candidates:
            if overload.accepts(values):
                return overload.implementation(*values)
        shown = ", ".join(str(type_of(value)) for value in values)
        raise EvaluationError(f"no such overload: {name}({shown})")

    return evaluate


def _operation(implementation: Callable[..., Any], arguments: list[Evaluate]) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        values = [argument(scope) for argument in arguments]
        scope.step(_size(values))
        return implementation(*values)

    return evaluate


def _size(values: list[Any]) -> int:
    """How much there may be to go through."""
    return 1 + sum(len(value) for value in values if isinstance(value, str | bytes | list | tuple)) // 10


def _appended(node: Fold) -> tuple[Node | None, Node] | None:
    """(Test, element) if the loop only gathers elements into a list: that need not copy the list every time."""
    if not (isinstance(node.start, ListNode) and not node.start.elements):
        return None
    step, test = node.step, None
    if isinstance(step, Call) and step.function == "_?_:_":
        test, step, other = step.arguments
        if not (isinstance(other, Ident) and other.name == node.accumulator):
            return None
    if isinstance(step, Call) and step.function == "_+_":
        left, right = step.arguments
        gathers = isinstance(left, Ident) and left.name == node.accumulator
        if gathers and isinstance(right, ListNode) and len(right.elements) == 1 and not right.optional:
            return test, right.elements[0]
    return None
