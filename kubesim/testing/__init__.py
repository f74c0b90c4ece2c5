"""For your own tests: a pytest fixture, clusters whose invariants are checked, and Hypothesis strategies.

`kubesim.testing.strategies` needs Hypothesis and is imported by name.
"""

from kubesim.testing.clusters import checked_cluster

__all__ = ["checked_cluster"]
