"""Placements of a real kube-scheduler, decided again by ours and compared score by score and word by word."""

from kubesim.fidelity.scheduler.comparison import KINDS, Difference, Placement, StepResult
from kubesim.fidelity.scheduler.player import place, play, totals
from kubesim.fidelity.scheduler.recordings import Expected, Recording, RecordingError, Step, read_recordings
from kubesim.fidelity.scheduler.world import World

__all__ = [
    "Difference",
    "Expected",
    "KINDS",
    "Placement",
    "Recording",
    "RecordingError",
    "Step",
    "StepResult",
    "World",
    "place",
    "play",
    "read_recordings",
    "totals",
]
