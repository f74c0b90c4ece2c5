"""How Go shows the difference of two values: both as JSON, indented by one space, then a unified diff.

Upstream: Diff in k8s.io/apimachinery/pkg/util/diff.
"""

from __future__ import annotations

import json
from difflib import unified_diff
from typing import Any

CONTEXT_LINES = 3


def diff(old: Any, new: Any) -> str:
    """The hunks, without the two lines that would name the files."""
    before, after = (json.dumps(value, indent=1, ensure_ascii=False).splitlines() for value in (old, new))
    lines = list(unified_diff(before, after, n=CONTEXT_LINES, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)
