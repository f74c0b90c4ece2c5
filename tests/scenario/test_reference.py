"""The field reference is made from the models."""

from __future__ import annotations

from pathlib import Path

from kubesim.scenario.reference import reachable, reference
from kubesim.scenario.schema import Scenario

PAGE = Path(__file__).parent.parent.parent / "docs" / "scenarios.md"


def test_the_page_is_up_to_date() -> None:
    """Teaches: python -m kubesim.scenario.reference > docs/scenarios.md."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_field_says_what_it_is() -> None:
    """Teaches: a field without a sentence is a riddle."""
    silent = [
        f"{model.__name__}.{name}"
        for model in reachable(Scenario)
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert not silent


def test_types_are_told_in_words() -> None:
    """Teaches: a reader of the page need not know Python."""
    page = reference()
    assert "| `nodes` | whole number or list of [NodeSpec](#nodespec) | `3` |" in page
    assert "| `effect` | `NoSchedule` or `PreferNoSchedule` or `NoExecute` | required |" in page
    assert "None" not in page
