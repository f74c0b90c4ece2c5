from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.quantity import (
    BINARY_SI,
    DECIMAL_EXPONENT,
    DECIMAL_SI,
    FORMAT_WRONG,
    MAXIMUM,
    NANO,
    NUMBER_WRONG,
    SUFFIX_WRONG,
    Amount,
    canonical,
    canonical_resource,
    format_amount,
    format_quantity,
    milli,
    parse,
    value,
)


@pytest.mark.parametrize(
    ("text", "thousandths", "whole"),
    [
        ("0", 0, 0), ("1", 1000, 1), ("250m", 250, 1), ("1.5", 1500, 2), ("1Ki", 1024_000, 1024), ("1k", 10**6, 1000),
        ("1e3", 10**6, 1000), ("12E", 12 * 10**21, 12 * 10**18), ("1n", 1, 1), (".5", 500, 1), ("2.", 2000, 2),
        ("-250m", -250, -1), ("+3", 3000, 3), ("0.5Gi", 2**29 * 1000, 2**29), (4, 4000, 4), (0.25, 250, 1),
        ("1E-2", 10, 1), ("0Mi", 0, 0),
    ],
)  # fmt: skip
def test_a_quantity_counts_in_thousandths_or_in_whole_units_rounded_away_from_zero(text, thousandths, whole):
    """Teaches: whoever asks for a little gets a little, never nothing."""
    assert milli(text) == thousandths
    assert value(text) == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1500m", "1500m"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1000", "1k"),
        ("0.1Ki", "102400m"), ("512", "512"), ("0.5Ki", "512"), ("1e3", "1e3"), ("12e6", "12e6"), ("0.000001m", "1n"),
        ("2000000Ki", "2000000Ki"), ("1025", "1025"), ("1000Mi", "1000Mi"), ("0Gi", "0"), (1000, "1k"), (0.1, "100m"),
    ],
)  # fmt: skip
def test_the_canonical_form_has_no_fraction_and_the_largest_unit(text, expected):
    """Teaches: the server stores 0.5 as 500m, and a diff against the manifest shows it."""
    assert canonical(text) == expected


def test_resources_know_nothing_finer_than_a_thousandth():
    """Teaches: requests of 100u cpu are requests of 1m."""
    assert canonical_resource("100u") == "1m"
    assert canonical("100u") == "100u"
    assert canonical_resource("1.0001") == "1001m"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORMAT_WRONG), ("abc", FORMAT_WRONG), ("1 Gi", FORMAT_WRONG), ("1Gi1Gi", FORMAT_WRONG),
        ("1KI", FORMAT_WRONG), ("1mm", SUFFIX_WRONG), ("1i", SUFFIX_WRONG), ("1e", SUFFIX_WRONG),
        ("1e1000", SUFFIX_WRONG), ("1.2.3", NUMBER_WRONG), (".", NUMBER_WRONG),
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_refused_in_upstreams_words(text, message):
    """Teaches: three things can be wrong: the form, the number, the suffix."""
    with pytest.raises(ValueError) as caught:
        milli(text)
    assert str(caught.value) == message


def test_binary_quantities_are_capped_where_int64_ends():
    """Teaches: nothing has more than 2^63-1 bytes."""
    assert parse("100Ei").nano == MAXIMUM
    assert parse("1Ei").nano == 2**60 * NANO


def test_formatting_goes_by_family():
    """Teaches: the same amount is written as its writer's family of units writes it."""
    assert format_quantity(1_500) == "1500m"
    assert format_quantity(2**30 * 1000, BINARY_SI) == "1Gi"
    assert format_quantity(2**30 * 1000, DECIMAL_SI) == "1073741824"
    assert format_quantity(3_000_000, DECIMAL_EXPONENT) == "3e3"
    assert format_quantity(-2_000) == "-2"


SUFFIXES = ("", "n", "u", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi", "e3", "E-3", "e-9", "e0")
quantities = st.builds(
    lambda sign, whole, fraction, suffix: f"{sign}{whole}{fraction}{suffix}",
    st.sampled_from(("", "-")),
    st.integers(0, 10**6),
    st.one_of(st.just(""), st.integers(0, 999).map(lambda number: f".{number:03}")),
    st.sampled_from(SUFFIXES),
)


@given(quantities)
def test_canonicalising_twice_changes_nothing(text):
    """Teaches: canonical means: this and no other spelling."""
    assert canonical(canonical(text)) == canonical(text)


@given(quantities)
def test_the_canonical_form_is_the_same_amount(text):
    """Teaches: nothing is lost on the way."""
    assert parse(canonical(text)).nano == parse(text).nano


@given(quantities)
def test_thousandths_and_units_are_the_amount_rounded_away_from_zero(text):
    """Teaches: rounding never makes less of it."""
    exact = Fraction(parse(text).nano, NANO)
    for counted, scale in ((milli(text), 1000), (value(text), 1)):
        assert abs(Fraction(counted, scale)) >= abs(exact)
        assert abs(Fraction(counted, scale) - exact) < Fraction(1, scale)


@given(st.integers(-(10**21), 10**21), st.sampled_from((DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT)))
def test_every_amount_reads_back_from_its_text(nano, format_):
    """Teaches: formatting and parsing are inverse."""
    assert parse(format_amount(Amount(nano, format_))).nano == nano
