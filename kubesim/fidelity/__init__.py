"""Recordings of a real control plane, played again on kubesim and compared."""

from kubesim.fidelity.timeline import TimelineError, play_timeline

__all__ = ["TimelineError", "play_timeline"]
