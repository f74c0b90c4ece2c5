"""The checker: what type does the expression have, and what in it cannot be?

It says, in cel-go's words, which names nobody declared, which fields an object of known type does not have, and
which functions do not take such arguments. A value of type dyn may be anything: only its use at run time tells.

Upstream: cel-go checker/checker.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.apiserver.cel.errors import CompileError, EvaluationError
from kubesim.apiserver.cel.functions import Overload
from kubesim.apiserver.cel.functions.strings import pattern
from kubesim.apiserver.cel.functions.times import parse_duration, parse_timestamp
from kubesim.apiserver.cel.names import PAIR_MACROS, qualified_name, type_names
from kubesim.apiserver.cel.tree import Call, Constant, Fold, Ident, ListNode, Node, Select, Source, Struct
from kubesim.apiserver.cel.types import (
    ANY,
    BOOL,
    DYN,
    ERROR,
    INT,
    STRING,
    Type,
    list_of,
    map_of,
    optional_of,
)
from kubesim.apiserver.cel.unification import Unifier
from kubesim.apiserver.cel.values import type_of

ERRORS_MAX = 100
LITERALS = {"matches": pattern, "duration": parse_duration, "timestamp": parse_timestamp}


class Checker:
    """Checks one expression."""

    def __init__(
        self, source: Source, variables: Mapping[str, Type], functions: Mapping[str, tuple[Overload, ...]],
        structs: Mapping[str, Type],
    ) -> None:  # fmt: skip
        self._source = source
        self._scope: dict[str, Type] = {**type_names(), **variables}
        self._functions = functions
        self._structs = structs
        self._types = Unifier()
        self._errors: list[tuple[int, str]] = []

    def check(self, node: Node) -> Type:
        """The expression's type; CompileError with all that is wrong, in the order of the text."""
        found = self._types.resolve(self._infer(node), final=True)
        if self._errors:
            ordered = [text for _, text in sorted(self._errors, key=lambda error: error[0])]
            raise CompileError("\n".join(ordered[:ERRORS_MAX]))
        return found

    def _fail(self, node_id: int, message: str) -> Type:
        error = self._source.error(node_id, message)
        if error not in self._errors:
            self._errors.append(error)
        return ERROR

    def _infer(self, node: Node) -> Type:
        if isinstance(node, Constant):
            return type_of(node.value)
        if isinstance(node, Ident):
            found = self._scope.get(node.name)
            return found if found is not None else self._undeclared(node.id, node.name)
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, ListNode):
            return self._list(node)
        return self._struct(node) if isinstance(node, Struct) else self._fold(node)

    def _undeclared(self, node_id: int, name: str) -> Type:
        return self._fail(node_id, f"undeclared reference to '{name}' (in container '')")

    def _select(self, node: Select) -> Type:
        name = qualified_name(node)
        if name and not node.test_only and name in self._scope:
            return self._scope[name]
        found = self.field(node.id, self._infer(node.operand), node.field)
        return BOOL if node.test_only else found

    def field(self, node_id: int, operand: Type, field: str) -> Type:
        """The type of a field of a value of some type."""
        operand = self._types.resolve(operand)
        if operand.name == "optional_type":
            return optional_of(self.field(node_id, operand.params[0], field))
        if operand in ANY or operand.name.startswith("?"):
            return DYN
        if operand.name == "map":
            return operand.params[1]
        if operand.fields is None:
            return self._fail(node_id, f"type '{operand}' does not support field selection")
        found = operand.fields.get(field)
        return found if found is not None else self._fail(node_id, f"undefined field '{field}'")

    def _call(self, node: Call) -> Type:
        if node.function == "_?._":
            operand, field = node.arguments
            assert isinstance(field, Constant), "the parser lets only names follow `.?`"
            found = self.field(node.id, self._infer(operand), field.value)
            return found if found.name == "optional_type" else optional_of(found)
        arguments, name, is_member = node.arguments, node.function, False
        if node.target is not None:
            prefix = qualified_name(node.target)
            if prefix and f"{prefix}.{name}" in self._functions and prefix.partition(".")[0] not in self._scope:
                name = f"{prefix}.{name}"
            elif name in PAIR_MACROS and len(arguments) >= 3:
                return self._pairs(node)
            else:
                arguments, is_member = (node.target, *arguments), True
        types = [self._infer(argument) for argument in arguments]
        if name not in self._functions:
            return self._undeclared(node.id, name)
        self._literal(name, arguments[-1] if arguments else None)
        return self._overload(node.id, name, is_member, types)

    def _literal(self, name: str, argument: Node | None) -> None:
        """Literal times and patterns are read at once."""
        if name in LITERALS and isinstance(argument, Constant) and isinstance(argument.value, str):
            try:
                LITERALS[name](argument.value)
            except EvaluationError:
                self._fail(argument.id, f"invalid {name} argument")

    def _overload(self, node_id: int, name: str, is_member: bool, types: list[Type]) -> Type:
        result: Type | None = None
        for overload in self._functions[name]:
            if overload.is_member != is_member:
                continue
            found = self._types.match(overload, types)
            if found is None:
                continue
            if result is None:
                result = self._types.resolve(found)
            elif result != DYN and self._types.resolve(found) != result:
                result = DYN
        if result is not None:
            return result
        shown = [str(self._types.resolve(one, final=True)) for one in types]
        text = f"{shown[0]}.({', '.join(shown[1:])})" if is_member else f"({', '.join(shown)})"
        return self._fail(node_id, f"found no matching overload for '{name}' applied to '{text}'")

    def _list(self, node: ListNode) -> Type:
        element: Type = self._types.fresh()
        for at, one in enumerate(node.elements):
            found = self._infer(one)
            if at in node.optional:
                found = self._types.resolve(found)
                found = found.params[0] if found.name == "optional_type" else found
            element = self._join(one.id, element, found)
        return list_of(element)

    def _join(self, node_id: int, known: Type, found: Type) -> Type:
        """Elements are of one kind, unless one of them may be anything."""
        if self._types.fits(known, found):
            return known if self._types.resolve(found) not in ANY else DYN
        known, found = self._types.resolve(known, final=True), self._types.resolve(found, final=True)
        return self._fail(node_id, f"expected type '{known}' but found '{found}'")

    def _struct(self, node: Struct) -> Type:
        if node.name:
            return self._message(node)
        key, value = self._types.fresh(), self._types.fresh()
        for entry in node.entries:
            assert not isinstance(entry.key, str), "fields have names only in messages"
            key = self._join(entry.key.id, key, self._infer(entry.key))
            found = self._infer(entry.value)
            if entry.optional:
                found = self._types.resolve(found)
                found = found.params[0] if found.name == "optional_type" else found
            value = self._join(entry.value.id, value, found)
        return map_of(key, value)

    def _message(self, node: Struct) -> Type:
        type_ = self._struct_type(node.name)
        if type_ is None:
            for entry in node.entries:
                self._infer(entry.value)
            return self._undeclared(node.id, node.name)
        for entry in node.entries:
            assert isinstance(entry.key, str), "fields of messages have names"
            wanted = self.field(entry.id, type_, entry.key)
            found = self._infer(entry.value)
            if entry.optional:
                wanted = optional_of(wanted)
            if not self._types.fits(wanted, found):
                shown = self._types.resolve(found, final=True)
                self._fail(
                    entry.id, f"expected type of field '{entry.key}' is '{wanted}' but provided type is '{shown}'"
                )
        return type_

    def _struct_type(self, name: str) -> Type | None:
        """`Object.spec.template` is a type too, wherever it is used."""
        found = self._structs.get(name)
        root = self._structs.get(name.partition(".")[0])
        if found is None and root is not None and root.name == "Object" and root.name != name:
            return Type(name, (), root.fields)
        return found

    def _range(self, node: Node) -> tuple[Type, Type]:
        """What a macro's variables are: (index or key, element)."""
        found = self._types.resolve(self._infer(node))
        if found in ANY or found.name.startswith("?"):
            return DYN, DYN
        if found.name == "list":
            return INT, found.params[0]
        if found.name == "map":
            return found.params[0], found.params[1]
        if found.fields is not None and found.name.startswith("Object"):
            return STRING, DYN
        words = "cannot be range of a comprehension (must be list, map, or dynamic)"
        return DYN, self._fail(node.id, f"expression of type '{found}' {words}")

    def _fold(self, node: Fold) -> Type:
        key, element = self._range(node.range)
        range_type = self._types.resolve(self._infer(node.range))
        start = self._infer(node.start)
        outer = self._scope
        self._scope = {**outer, node.accumulator: start, node.variable: key if range_type.name == "map" else element}
        condition = self._infer(node.condition)
        if not self._types.fits(BOOL, condition):
            shown = self._types.resolve(condition, final=True)
            self._fail(node.condition.id, f"expected type 'bool' but found '{shown}'")
        step = self._infer(node.step)
        if not self._types.fits(start, step):
            wanted, given = (self._types.resolve(one, final=True) for one in (start, step))
            self._fail(node.step.id, f"expected type '{wanted}' but found '{given}'")
        self._scope = {**outer, node.accumulator: start}
        result = self._infer(node.result)
        self._scope = outer
        return result

    def _pairs(self, node: Call) -> Type:
        """The macros with two variables."""
        assert node.target is not None, "macros are members"
        key_name, value_name = node.arguments[:2]
        if not (isinstance(key_name, Ident) and isinstance(value_name, Ident)):
            return self._fail(node.arguments[0].id, "argument must be a simple name")
        key, value = self._range(node.target)
        outer = self._scope
        self._scope = {**outer, key_name.name: key, value_name.name: value}
        *tests, body = (self._infer(argument) for argument in node.arguments[2:])
        self._scope = outer
        macro = PAIR_MACROS[node.function]
        wanted = [*tests, body] if macro.is_test else tests
        for argument, found in zip(node.arguments[2:], wanted, strict=False):
            if not self._types.fits(BOOL, found):
                self._fail(argument.id, f"expected type 'bool' but found '{self._types.resolve(found, final=True)}'")
        if macro.is_test:
            return BOOL
        if node.function == "transformList":
            return list_of(body)
        return map_of(key, body) if node.function == "transformMap" else body
