"""What is known of differences can be read where it is said to stand."""

from __future__ import annotations

import re
from pathlib import Path

from kubesim.compare.known import KNOWN

ROOT = Path(__file__).parent.parent.parent


def test_every_explanation_leads_to_a_heading() -> None:
    """Teaches: a link that leads nowhere explains nothing."""
    for known in KNOWN:
        file, _, anchor = known.link.partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_an_explanation_is_not_for_everything() -> None:
    """Teaches: each names an object, words or a scenario."""
    assert all(known.object or known.words or known.scenario for known in KNOWN)
