"""Type checking of validating policies: with the schema of what a policy is about, `object` is no longer dyn.

What is found does not keep the policy from working: it becomes `status.typeChecking.expressionWarnings`. Rules with
wildcards are not checked, for nobody knows what they mean; of the others, at most ten kinds.

Upstream: k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go, pkg/cel/common/schemas.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubesim.api.resources import SERVED, Resource
from kubesim.api.schema import Node, Schema
from kubesim.api.schema.node import BOOL as NODE_BOOL
from kubesim.api.schema.node import BYTES as NODE_BYTES
from kubesim.api.schema.node import FLOAT, INT32, INT64, LIST, MAP, MICRO_TIME, OBJECT, TIME
from kubesim.api.schema.node import STRING as NODE_STRING
from kubesim.api.stored import Object
from kubesim.apiserver.admission.policy_expressions import Compiler
from kubesim.apiserver.cel import BOOL, BYTES, DOUBLE, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of
from kubesim.apiserver.cel.escaping import unescape

KINDS_MAX = 10
_SCALARS = {
    NODE_STRING: STRING, NODE_BOOL: BOOL, INT32: INT, INT64: INT, FLOAT: DOUBLE, NODE_BYTES: BYTES, TIME: TIMESTAMP,
    MICRO_TIME: TIMESTAMP,
}  # fmt: skip


class PolicyTypeChecker:
    """Checks policies against the built-in kinds."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def warnings(self, policy: Object) -> list[Object]:
        """expressionWarnings: what is wrong with which expression."""
        spec: Object = policy.get("spec") or {}
        found = []
        for index, validation in enumerate(spec.get("validations") or ()):
            for name in ("expression", "messageExpression"):
                if not validation.get(name):
                    continue
                if text := self._check(spec, validation[name]):
                    found.append({"fieldRef": f"spec.validations[{index}].{name}", "warning": text})
        return found

    def _check(self, spec: Object, expression: str) -> str:
        texts = []
        for resource in kinds_of(spec):
            node = self._schema.kind(*resource.gvk)
            if node is None:
                continue
            has_params = self._type_of_params(spec) is not None
            compiler = Compiler(has_params=has_params, object_type_=type_of_node(node, resource.kind))
            for variable in spec.get("variables") or ():
                try:
                    compiler.store(variable["name"], variable["expression"])
                except ValueError:
                    continue  # Then it is dyn for what names it.
            try:
                compiler.compile(expression)
            except ValueError as error:
                problem = str(error).removeprefix("compilation failed: ")
                texts.append(f"{resource.group}/{resource.version}, Kind={resource.kind}: {problem}\n")
        return "\n".join(texts)

    def _type_of_params(self, spec: Object) -> Node | None:
        kind = spec.get("paramKind") or {}
        return self._schema.kind(kind.get("apiVersion", ""), kind.get("kind", "")) if kind else None


def kinds_of(spec: Object) -> list[Resource]:
    """The kinds that the policy's rules name, by group, version and kind."""
    found: set[Resource] = set()
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
        if "*" in groups or "*" in versions:
            continue
        plurals = [one for one in rule.get("resources") or () if "*" not in one and "/" not in one]
        fitting = [row for row in SERVED if row.group in groups and row.version in versions and row.plural in plurals]
        found.update(fitting[: KINDS_MAX - len(found)])
    return sorted(found, key=lambda row: (row.group, row.version, row.kind))


def type_of_node(node: Node, name: str) -> Type:
    """The type of a field of a built-in kind."""
    if node.kind == OBJECT:
        return Type(name, (), _Fields(node, name))
    if node.kind == MAP and node.item is not None:
        return map_of(STRING, type_of_node(node.item, f"{name}.@elem"))
    if node.kind == LIST and node.item is not None:
        return list_of(type_of_node(node.item, f"{name}.@idx"))
    return _SCALARS.get(node.kind, DYN)


class _Fields(Mapping[str, Type]):
    """The fields of an object, worked out when somebody names one: schemas may contain themselves."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name

    def __getitem__(self, field: str) -> Type:
        child = self._node.fields[unescape(field)]
        return type_of_node(child, f"{self._name}.{field}")

    def get(self, field: str, default: Any = None) -> Any:
        """The type of a field; the default if there is none."""
        return self[field] if unescape(field) in self._node.fields else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._node.fields)

    def __len__(self) -> int:
        return len(self._node.fields)
