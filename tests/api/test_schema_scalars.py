from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.schema.scalars import (
    canonical_bytes,
    canonical_micro_time,
    canonical_time,
    is_canonical_bytes,
    is_canonical_micro_time,
    is_canonical_time,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2024-01-13T09:00:00Z", "2024-01-13T09:00:00Z"),
        ("2024-01-13T09:00:00+02:00", "2024-01-13T07:00:00Z"),
        ("2024-01-13T09:00:00.999999999Z", "2024-01-13T09:00:00Z"),
    ],
)
def test_times_are_kept_in_utc_and_whole_seconds(text, canonical):
    """Teaches: metav1.Time has no fractions; that is why leases use MicroTime."""
    assert canonical_time(text) == canonical
    assert is_canonical_time(canonical)


def test_micro_times_always_have_six_decimals():
    """Teaches: even a whole second."""
    assert canonical_micro_time("2024-01-13T09:00:00Z") == "2024-01-13T09:00:00.000000Z"
    assert canonical_micro_time("2024-01-13T09:00:00.5-01:00") == "2024-01-13T10:00:00.500000Z"
    assert is_canonical_micro_time("2024-01-13T09:00:00.000000Z")
    assert not is_canonical_micro_time("2024-01-13T09:00:00Z")


@pytest.mark.parametrize(
    ("text", "rest", "element"),
    [("soon", "soon", "2006"), ("2024-01-13", "", "T"), ("2024-1-13T09:00:00Z", "1-13T09:00:00Z", "01"),
     ("2024-01-13T09:00:00", "", "Z07:00"), ("2024-01-13 09:00:00Z", " 09:00:00Z", "T")],
)  # fmt: skip
def test_what_is_no_time_is_refused_in_gos_words(text, rest, element):
    """Teaches: Go says how far it came and what it wanted next."""
    with pytest.raises(ValueError) as caught:
        canonical_time(text)
    layout = "2006-01-02T15:04:05Z07:00"
    assert str(caught.value) == f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"'


@pytest.mark.parametrize("text", ["2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-13T09:00:00Zoo"])
def test_impossible_dates_and_trailing_text_are_refused(text):
    """Teaches: the right shape is not enough."""
    with pytest.raises(ValueError, match="parsing time"):
        canonical_time(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [("not base64!!", 3), ("abc", 0), ("YWJj=", 4), ("YQ=a", 2), ("YQ==YQ==", 4), ("YQ=", 3), ("YWJjZ", 4)],
)
def test_what_is_no_base64_is_refused_with_the_position(text, position):
    """Teaches: the byte that Go's decoder stumbles over."""
    with pytest.raises(ValueError, match=f"^illegal base64 data at input byte {position}$"):
        canonical_bytes(text)
    assert not is_canonical_bytes(text)


@given(st.binary(max_size=40))
def test_base64_is_accepted_as_it_is_and_without_its_line_breaks(data):
    """Teaches: what `base64` prints with line breaks is stored without."""
    text = base64.b64encode(data).decode()
    assert canonical_bytes(text) == text
    assert is_canonical_bytes(text)
    assert canonical_bytes(text[:2] + "\n" + text[2:]) == text


def test_bytes_must_be_text():
    """Teaches: a number is no base64."""
    assert not is_canonical_bytes(5)
