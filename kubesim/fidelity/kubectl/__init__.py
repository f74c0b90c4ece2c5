"""Transcripts of kubectl against a real control plane, played again with the real kubectl and compared."""

from kubesim.fidelity.kubectl.comparison import CaseResult, Difference, compare_case
from kubesim.fidelity.kubectl.player import Player, PlayerError
from kubesim.fidelity.kubectl.transcripts import Case, TranscriptError, Transcripts, read_transcripts

__all__ = [
    "Case",
    "CaseResult",
    "Difference",
    "Player",
    "PlayerError",
    "TranscriptError",
    "Transcripts",
    "compare_case",
    "read_transcripts",
]
