"""The page of what is there is made from the code."""

from __future__ import annotations

from pathlib import Path

from kubesim.fidelity.reference import reference

PAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"


def test_the_page_is_up_to_date() -> None:
    """Teaches: python -m kubesim.fidelity.reference > docs/coverage.md."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_kind_and_plugin_is_on_it() -> None:
    """Teaches: what the page says is what the server does."""
    page = reference()
    assert "| Pod | v1 | all |" in page
    assert "| ResourceQuota | " in page
    assert "| deployment-controller | " in page
    assert "| TaintToleration | 3 | " in page
