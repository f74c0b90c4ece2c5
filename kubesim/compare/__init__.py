"""Two recordings side by side: what differs, and how."""

from kubesim.compare.outcomes import Difference, compare_outcomes
from kubesim.compare.timelines import Comparison, Verdict, compare_timelines

__all__ = ["Comparison", "Difference", "Verdict", "compare_outcomes", "compare_timelines"]
