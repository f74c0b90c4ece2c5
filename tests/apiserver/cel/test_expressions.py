"""Expressions: what they give, what the checker refuses, what fails at run time."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from kubesim.apiserver.cel import (
    DYN,
    INT,
    STRING,
    Budget,
    CompileError,
    CostExceededError,
    EvaluationError,
    compile,  # noqa: A004
    list_of,
    object_type,
    schema_type,
)

OBJECT = {"spec": {"replicas": 3, "name": "web", "ratio": 1.5}, "ports": [80, 443], "labels": {"a": "b"}}
TYPED = object_type("selfType", {"size": INT, "name": STRING, "tags": list_of(STRING)})
VARIABLES = {"object": DYN, "self": TYPED}


def value(expression: str) -> Any:
    return compile(expression, VARIABLES).evaluate({"object": OBJECT, "self": {"size": 3, "tags": ["x", "y"]}})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("object.spec.replicas <= 5 && self.size == 3", True),
        ("object.ports.all(p, p > 79) && !object.ports.exists(p, p > 1000)", True),
        ("object.ports.map(p, p + 1)", [81, 444]),
        ("object.ports.filter(p, p == 80)", [80]),
        ("object.ports.exists(i, p, i == 1 && p == 443)", True),
        ("object.labels.transformMap(k, v, v + k)", {"a": "ba"}),
        ("has(object.spec.nothing)", False),
        ("object.?spec.?nothing.orValue(7)", 7),
        ("object.spec.nothing == 1 || true", True),  # One side decides although the other fails.
        ("[1, 2, 3].sum() + [4, 5].max()", 11),
        ("quantity('1Gi').isGreaterThan(quantity('1000Mi'))", True),
        ("cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))", True),
        ("url('https://example.com:8080/a').getPort()", "8080"),
        ("semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))", True),
        ("format.dns1123Label().validate('Bad').hasValue()", True),
        ("'a-b'.split('-').join('+').upperAscii()", "A+B"),
        ("'%s has %d'.format([object.spec.name, object.spec.replicas])", "web has 3"),
        ("'v12'.find('[0-9]+')", "12"),
        ("sets.intersects([1, 2], [2, 3])", True),
        ("duration('90s') > duration('1m')", True),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 == dyn(1.0)", True),
        ("type(true) == type(1)", False),
    ],
)
def test_an_expression_has_a_value(expression: str, expected: Any) -> None:
    """Teaches: CEL is a small language without time, chance or loops that do not end."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("self.nosuch > 1", "ERROR: <input>:1:5: undefined field 'nosuch'\n | self.nosuch > 1\n | ....^"),
        ("nosuch", "ERROR: <input>:1:1: undeclared reference to 'nosuch' (in container '')\n | nosuch\n | ^"),
        (
            "self.size.x",
            "ERROR: <input>:1:10: type 'int' does not support field selection\n | self.size.x\n | .........^",
        ),
        (
            "self.size + 'a'",
            "ERROR: <input>:1:11: found no matching overload for '_+_' applied to '(int, string)'\n"
            " | self.size + 'a'\n | ..........^",
        ),
        ("'a'.matches('[')", "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_an_object(expression: str, text: str) -> None:
    """Teaches: an expression is checked against the types of its variables, as far as they are known."""
    with pytest.raises(CompileError) as refusal:
        compile(expression, VARIABLES)
    assert refusal.value.text == text


def test_syntax_errors_are_the_grammars() -> None:
    """Teaches: the parser of the C++ CEL says what cel-go's says."""
    with pytest.raises(CompileError) as refusal:
        compile("object. ", VARIABLES)
    assert refusal.value.text.startswith("ERROR: <input>:1:9: Syntax error: ")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("object.spec.nothing == 1", "no such key: nothing"),
        ("object.ports[5]", "index out of bounds: 5"),
        ("1 / (object.spec.replicas - 3)", "division by zero"),
        ("object.spec.name > 3", "no such overload"),
        ("9223372036854775807 + object.spec.replicas", "integer overflow"),
        ("quantity(object.spec.name)", "unable to parse quantity's suffix"),
    ],
)
def test_what_fails_at_run_time_says_so(expression: str, text: str) -> None:
    """Teaches: a value of unknown type is only known to be wrong when it is used."""
    if "quantity" in expression:
        text = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    with pytest.raises(EvaluationError) as failure:
        value(expression)
    assert failure.value.text == text


def test_an_expression_may_not_take_forever() -> None:
    """Teaches: nested loops multiply; the budget ends what would hang the server, and nothing inside catches that."""
    program = compile("object.all(a, object.all(b, object.all(c, a + b + c >= 0))) || true", VARIABLES)
    with pytest.raises(CostExceededError):
        program.evaluate({"object": list(range(1000))}, Budget(10_000))


def test_schemas_become_types() -> None:
    """Teaches: the rules of a custom resource are checked against its own schema."""
    schema = {
        "type": "object",
        "properties": {"until": {"type": "string", "format": "date-time"}, "x-y": {"type": "integer"}},
    }
    variables = {"self": schema_type(schema)}
    program = compile("self.until > timestamp('2020-01-01T00:00:00Z') && self.x__dash__y == 1", variables)
    assert program.evaluate({"self": {"until": "2021-01-01T00:00:00Z", "x-y": 1}}) is True
    with pytest.raises(CompileError):
        compile("self.untill", variables)


def test_without_the_package_there_is_one_clear_sentence() -> None:
    """Teaches: an optional package is asked for by name when it is needed, not before."""
    code = (
        "import sys; sys.modules['cel_expr_python'] = None\n"
        "from kubesim.apiserver.cel import compile\n"
        "from kubesim.api.errors import ApiError\n"
        "try:\n    compile('1', {})\nexcept ApiError as error:\n    print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "CEL expressions need an optional package: pip install 'kubesim[cel]'"
