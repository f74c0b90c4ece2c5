"""Recorded timelines of a real control plane, played again on a simulated cluster and compared."""

from kubesim.fidelity.timeline.player import TimelineError, play_timeline
from kubesim.fidelity.timeline.trial import Trial, attempt, best_attempt, read_timeline

__all__ = ["TimelineError", "Trial", "attempt", "best_attempt", "play_timeline", "read_timeline"]
