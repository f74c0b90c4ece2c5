"""Quantities: how much cpu, memory, storage or anything else, as the API writes it: `250m`, `1.5Gi`, `2e3`, `4`.

On the wire a quantity is a string, or a bare number. `milli` and `value` turn one into an integer to count
with, rounded away from zero; `canonical` writes it as the real server stores it: no fraction, the largest unit
that loses nothing, in the family of units it came in. Everything is exact (integers of nano units) and cached.
Left out: upstream keeps odd spellings such as `+5` or `1.500` as they are; here they become canonical too.
Upstream: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

WireQuantity = str | int | float

DECIMAL_SI = "DecimalSI"  # n u m - k M G T P E
BINARY_SI = "BinarySI"  # Ki Mi Gi Ti Pi Ei
DECIMAL_EXPONENT = "DecimalExponent"  # e3, E-6

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_WRONG = "unable to parse quantity's suffix"
NUMBER_WRONG = "unable to parse numeric part of quantity"

NANO = 10**9  # Nothing finer is kept.
MAXIMUM = (2**63 - 1) * NANO
EXPONENT_MAX = 99  # A bound on the work, far beyond what anything counts to.
CACHE_SIZE = 8192

_PATTERN = re.compile(r"([+-]?)([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {power: name for name, power in _DECIMAL_SUFFIXES.items()}
_BINARY_NAMES = {power: name for name, power in _BINARY_SUFFIXES.items()} | {0: ""}


class Amount(NamedTuple):
    """A parsed quantity: an exact number of nano units, and the family of units it was written in."""

    nano: int
    format: str


@lru_cache(CACHE_SIZE)
def milli(quantity: WireQuantity) -> int:
    """In thousandths: `"250m"` → 250, `"2"` → 2000. What cpu is counted in."""
    return _divide_away(parse(quantity).nano, NANO // 1000)


@lru_cache(CACHE_SIZE)
def value(quantity: WireQuantity) -> int:
    """In whole units: `"1Ki"` → 1024, `"250m"` → 1. What memory, Pods and all the rest are counted in."""
    return _divide_away(parse(quantity).nano, NANO)


@lru_cache(CACHE_SIZE)
def parse(quantity: WireQuantity) -> Amount:
    """The exact amount. ValueError, with upstream's words, if it is no quantity."""
    match = _PATTERN.fullmatch(str(quantity))  # Python spells floats in a way that the pattern knows.
    if match is None:
        raise ValueError(FORMAT_WRONG)
    sign, number, suffix = match.groups()
    format_, base, power = _interpret(suffix)
    whole, _, fraction = number.partition(".")
    if "." in fraction or not whole + fraction:
        raise ValueError(NUMBER_WRONG)
    nano = _scale(int(whole + fraction), len(fraction), base, power)
    if format_ == BINARY_SI:
        nano = min(nano, MAXIMUM)
        if 0 < nano < NANO:
            format_ = DECIMAL_SI
    return Amount(-nano if sign == "-" else nano, format_)


@lru_cache(CACHE_SIZE)
def canonical(quantity: WireQuantity) -> str:
    """The text the server stores: `"0.5"` → `"500m"`, `"1024Mi"` → `"1Gi"`, `1000` → `"1k"`."""
    return format_amount(parse(quantity))


@lru_cache(CACHE_SIZE)
def canonical_resource(quantity: WireQuantity) -> str:
    """`canonical` for the maps of resources (requests, limits, capacity …), which know nothing finer than 1m."""
    nano, format_ = parse(quantity)
    unit = NANO // 1000
    return format_amount(Amount(_divide_away(nano, unit) * unit, format_))


def format_quantity(thousandths: int, format_: str = DECIMAL_SI) -> str:
    """The canonical text of a number of thousandths; `format_` is the family of units to use."""
    return format_amount(Amount(thousandths * (NANO // 1000), format_))


def format_amount(amount: Amount) -> str:
    """The canonical text of an amount."""
    nano, format_ = amount
    if nano == 0:
        return "0"
    if format_ == BINARY_SI and abs(nano) >= 1024 * NANO and nano % NANO == 0:
        number, power = nano // NANO, 0
        while power < 60 and number % 1024 == 0:
            number, power = number // 1024, power + 10
        return f"{number}{_BINARY_NAMES[power]}"
    number, power = nano, -9
    while number % 1000 == 0 and (power < 18 or format_ == DECIMAL_EXPONENT):
        number, power = number // 1000, power + 3
    if format_ == DECIMAL_EXPONENT:
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL_NAMES[power]}"


def _interpret(suffix: str) -> tuple[str, int, int]:
    """The family, base and power of a suffix."""
    power = _DECIMAL_SUFFIXES.get(suffix)
    if power is not None:
        return DECIMAL_SI, 10, power
    power = _BINARY_SUFFIXES.get(suffix)
    if power is not None:
        return BINARY_SI, 2, power
    match = _EXPONENT.fullmatch(suffix)
    if match is None:
        raise ValueError(SUFFIX_WRONG)
    power = int(match[1])
    if abs(power) > EXPONENT_MAX:
        raise ValueError(SUFFIX_WRONG)
    return DECIMAL_EXPONENT, 10, power


def _scale(digits: int, decimals: int, base: int, power: int) -> int:
    """The number in nano units; what is finer rounds up, so that a little never becomes nothing."""
    if base == 2:
        return _divide_away((digits << power) * NANO, int(10**decimals))
    shift = power - decimals + 9
    if shift >= 0:
        return digits * int(10**shift)
    return _divide_away(digits, int(10**-shift))


def _divide_away(number: int, divisor: int) -> int:
    """Division that rounds away from zero."""
    return -(-number // divisor) if number >= 0 else number // divisor
