"""The patch formats of the API: JSON patch, merge patch, strategic merge patch. Pure: they return new objects."""

from __future__ import annotations

from kubesim.api.patch.go_text import go_text
from kubesim.api.patch.json_patch import apply_json_patch
from kubesim.api.patch.merge_patch import apply_merge_patch
from kubesim.api.patch.strategic_merge_patch import apply_strategic_merge_patch

__all__ = ["apply_json_patch", "apply_merge_patch", "apply_strategic_merge_patch", "go_text"]
