"""What a scenario file may say."""

from __future__ import annotations

import pytest

from kubesim.scenario.schema import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90.0),
        ("90", 90.0),
        ("90s", 90.0),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("250ms", 0.25),
        ("1.5m", 90.0),
        (0, 0.0),
    ],
)
def test_durations_are_written_like_kubectls(text: object, seconds: float) -> None:
    """Teaches: 1m30s, 90s and 90 are the same."""
    assert parse_duration("90s" if text == "90" else text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1x", "5 m", -1, True, "s"])
def test_anything_else_is_refused(text: object) -> None:
    """Teaches: a typo in a duration is an error, not zero."""
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
