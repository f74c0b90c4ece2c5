"""Invariants: what no correct cluster ever does, checked on every simulated cluster in the tests."""

from kubesim.checks.placement import placement_problems
from kubesim.checks.settled import check_settled
from kubesim.checks.violation import Violation
from kubesim.checks.watching import Watching

__all__ = ["Violation", "Watching", "check_settled", "placement_problems"]
