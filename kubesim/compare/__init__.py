"""Two recordings side by side: what differs, and how."""

from kubesim.compare.outcomes import Difference, compare_outcomes

__all__ = ["Difference", "compare_outcomes"]
