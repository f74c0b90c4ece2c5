"""Maps from the names of resources to exact amounts: added, compared, masked, written.

An amount keeps the family of units of the first one that went into it, as Go's Quantity does.
Upstream: k8s.io/apiserver/pkg/quota/v1/resources.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kubesim.api.quantity import DECIMAL_SI, Amount, WireQuantity, format_amount, parse

Amounts = dict[str, Amount]

ZERO = Amount(0, DECIMAL_SI)
ONE = parse("1")


def amounts(wire: Mapping[str, WireQuantity] | None) -> Amounts:
    """Parses a map of the API."""
    return {name: parse(quantity) for name, quantity in (wire or {}).items()}


def texts(parsed: Mapping[str, Amount]) -> dict[str, str]:
    """The map as the API writes it, by name."""
    return {name: format_amount(parsed[name]) for name in sorted(parsed)}


def count(number: int) -> Amount:
    """So many things."""
    return parse(str(number))


def add(first: Amount, second: Amount) -> Amount:
    """Zero has no units of its own."""
    return Amount(first.nano + second.nano, first.format if first.nano else second.format)


def plus(first: Mapping[str, Amount], second: Mapping[str, Amount]) -> Amounts:
    """Adds name by name."""
    total = dict(first)
    for name, amount in second.items():
        total[name] = add(total[name], amount) if name in total else amount
    return total


def largest(first: Mapping[str, Amount], second: Mapping[str, Amount]) -> Amounts:
    """The larger of both, name by name."""
    result = dict(first)
    for name, amount in second.items():
        if name not in result or amount.nano > result[name].nano:
            result[name] = amount
    return result


def subtract_not_below_zero(first: Mapping[str, Amount], second: Mapping[str, Amount]) -> Amounts:
    """What `first` has more than `second`; what it has less counts as nothing."""
    result = {
        name: Amount(max(0, amount.nano - second[name].nano), amount.format) if name in second else amount
        for name, amount in first.items()
    }
    return {**result, **{name: ZERO for name in second if name not in result}}


def mask(of: Mapping[str, Amount], names: Collection[str]) -> Amounts:
    """Only those names."""
    return {name: amount for name, amount in of.items() if name in names}


def without_zeros(of: Mapping[str, Amount]) -> Amounts:
    """Only what is something."""
    return {name: amount for name, amount in of.items() if amount.nano}


def less_or_equal(of: Mapping[str, Amount], limits: Mapping[str, Amount]) -> list[str]:
    """The names that are above their limit."""
    return sorted(name for name, amount in of.items() if name in limits and amount.nano > limits[name].nano)


def equal(first: Mapping[str, Amount], second: Mapping[str, Amount]) -> bool:
    """The same amounts, however they are written."""
    return first.keys() == second.keys() and all(first[name].nano == second[name].nano for name in first)
