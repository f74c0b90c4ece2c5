"""The Common Expression Language, as Kubernetes uses it in admission policies, match conditions and CRD rules.

    program = compile("self.replicas <= self.maximum", {"self": schema_type(schema)})
    program.evaluate({"self": obj["spec"]})   # True, or EvaluationError("no such key: maximum")

`compile` parses, checks types as far as they are declared, and makes a function of the expression. It raises
CompileError with cel-go's text, which Kubernetes quotes after "compilation failed: ". Evaluation knows neither
time nor chance, and stops after COST_MAX steps.

The optional package `cel-expr-python` is loaded at the first `compile`; without it that raises an ApiError.
Upstream: github.com/google/cel-go, k8s.io/apiserver/pkg/cel.
"""

from __future__ import annotations

from kubesim.apiserver.cel.errors import CompileError, CostExceededError, EvaluationError
from kubesim.apiserver.cel.program import COST_MAX, Program, compile  # noqa: A004
from kubesim.apiserver.cel.scope import Budget
from kubesim.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    object_type,
    optional_of,
    schema_type,
)

__all__ = [
    "BOOL", "BYTES", "COST_MAX", "DOUBLE", "DURATION", "DYN", "INT", "NULL", "STRING", "TIMESTAMP",
    "Budget", "CompileError", "CostExceededError", "EvaluationError", "Program", "Type",
    "compile", "list_of", "map_of", "object_type", "optional_of", "schema_type",
]  # fmt: skip
