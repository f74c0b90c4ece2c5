"""Node selector terms, compiled once per shape: as predicates on a node's labels and name.

Upstream: k8s.io/component-helpers/scheduling/corev1/nodeaffinity.
"""

# ruff: noqa: ARG005 (an extension point has the same parameters for every plugin)

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubesim.api.views import Node, NodeSelectorRequirement, NodeSelectorTerm

NodePredicate = Callable[[Node], bool]


def compile_term(term: NodeSelectorTerm | None) -> NodePredicate:
    """All expressions and fields must hold; a term without any selects nothing."""
    if term is None or not (term.match_expressions or term.match_fields):
        return lambda node: False
    expressions = term.match_expressions
    names = [(requirement.operator, requirement.values) for requirement in term.match_fields]

    def matches(node: Node) -> bool:
        labels = node.metadata.labels
        return all(holds(requirement, labels.get(requirement.key)) for requirement in expressions) and all(
            (node.metadata.name in values) == (operator == "In") for operator, values in names
        )

    return matches


def compile_terms(terms: Iterable[NodeSelectorTerm]) -> NodePredicate:
    """One of the terms must hold."""
    compiled = [compile_term(term) for term in terms]
    return lambda node: any(matches(node) for matches in compiled)


def holds(requirement: NodeSelectorRequirement, value: str | None) -> bool:
    """One requirement on a label's value; None when the node has no such label."""
    operator, values = requirement.operator, requirement.values
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(operator, value, values)
        case _:
            return False


def _compares(operator: str, value: str | None, values: tuple[str, ...]) -> bool:
    try:
        number, bound = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return number > bound if operator == "Gt" else number < bound
