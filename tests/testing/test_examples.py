"""The examples are run as their readers would run them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_example_of_a_controller_passes(pytester: pytest.Pytester) -> None:
    """Teaches: testing one's own controller takes one file and no configuration."""
    for name in ("test_my_controller.py", "zone_labeler.py"):
        shutil.copy(EXAMPLES / name, pytester.path)
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_the_example_finds_a_controller_that_looks_only_once(pytester: pytest.Pytester) -> None:
    """Teaches: a test is worth something only if it can fail; a Pod is bound after it was made."""
    shutil.copy(EXAMPLES / "test_my_controller.py", pytester.path)
    text = (EXAMPLES / "zone_labeler.py").read_text(encoding="utf-8")
    mistaken = text.replace("on_add=self._changed, on_update=lambda _, new: self._changed(new)", "on_add=self._changed")
    assert mistaken != text
    (pytester.path / "zone_labeler.py").write_text(mistaken, encoding="utf-8")
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", "-k", "every_pod_carries")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotReachedError: waited 1 virtual seconds in vain for the condition"])
